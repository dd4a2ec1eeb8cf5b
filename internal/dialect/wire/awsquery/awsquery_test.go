package awsquery

import (
	"encoding/xml"
	"errors"
	"net/url"
	"reflect"
	"testing"
	"time"
)

type tag struct {
	Key string `query:"Key" xml:"key"`
}

type filter struct {
	Name   string   `query:"Name" xml:"name"`
	Values []string `query:"Value" xml:"valueSet"`
}

type sample struct {
	IDs     []string   `query:"InstanceId" xml:"instancesSet" required:"true"`
	Filters []filter   `query:"Filter" xml:"filterSet"`
	Tags    []tag      `query:"Tag" xml:"tagSet"`
	Max     *int       `query:"MaxResults" xml:"maxResults"`
	Dry     *bool      `query:"DryRun" xml:"dryRun"`
	At      *time.Time `query:"At" xml:"at"`
	Data    []byte     `query:"Data" xml:"data"`
	Inner   *filter    `query:"Inner" xml:"inner"`
	Name    string     `query:"Name" xml:"name"`
}

// TestDecode proves that parameters are read as clients write them.
func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want sample
	}{
		"numbers with gaps, from 0": {"InstanceId.0=a&InstanceId.10=c&InstanceId.2=b", sample{IDs: []string{"a", "b", "c"}}},
		"a list like a value":       {"InstanceId=a", sample{IDs: []string{"a"}}},
		"lists in lists":            {"Filter.1.Name=x&Filter.1.Value.1=1&Filter.1.Value.2=2", sample{Filters: []filter{{"x", []string{"1", "2"}}}}},
		"structures":                {"Inner.Name=x", sample{Inner: &filter{Name: "x"}}},
		"empty is not given":        {"Name=&MaxResults=&Tag.1.Key=k", sample{Tags: []tag{{"k"}}}},
		"scalars": {"MaxResults=7&DryRun=TRUE&Data=YWI%3D&At=2026-01-02T03:04:05Z",
			sample{Max: new(7), Dry: new(true), Data: []byte("ab"), At: new(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}},
	} {
		values, _ := url.ParseQuery(c.in)
		var got sample
		if err := Decode(values, &got); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

// TestDecodeRefuses proves that what cannot be read is named.
func TestDecodeRefuses(t *testing.T) {
	for in, want := range map[string]Error{
		"Nothing=1":         {Parameter: "Nothing", Unknown: true},
		"Tag.1.Colour=red":  {Parameter: "Tag.1.Colour", Unknown: true},
		"Tag.first.Key=x":   {Parameter: "Tag.first", Unknown: true},
		"MaxResults=many":   {Parameter: "MaxResults"},
		"DryRun=perhaps":    {Parameter: "DryRun"},
		"At=tomorrow":       {Parameter: "At"},
		"Data=%25":          {Parameter: "Data"},
		"Name.1=x":          {Parameter: "Name"},
		"InstanceId.-1=a":   {Parameter: "InstanceId.-1", Unknown: true},
		"Inner=x&Inner.Z=1": {Parameter: "Inner.Z", Unknown: true},
	} {
		values, _ := url.ParseQuery(in)
		var e *Error
		if err := Decode(values, new(sample)); !errors.As(err, &e) || e.Parameter != want.Parameter || e.Unknown != want.Unknown {
			t.Errorf("%s: %v, want %+v", in, err, want)
		}
	}
}

// TestAppend proves what is written, what is left out, and that text survives.
func TestAppend(t *testing.T) {
	got := string(Append(nil, &sample{IDs: []string{"a<b&\x01"}, Dry: new(false), Inner: &filter{Name: "n", Values: []string{}},
		At: new(time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)), Data: []byte("ab")}))
	want := "<instancesSet><item>a&lt;b&amp;\uFFFD</item></instancesSet><filterSet/><tagSet/><dryRun>false</dryRun><at>2026-01-02T03:04:05.006Z</at>" +
		"<data>YWI=</data><inner><name>n</name><valueSet></valueSet></inner>"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// FuzzText proves that whatever text is written is well-formed and read back as it was, as far as XML can carry it.
func FuzzText(f *testing.F) {
	f.Add("a<b>&\"'\r\n\t\x00\xff\uFFFE]]>")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := xml.Unmarshal(AppendElement(nil, "x", s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

// FuzzDecode proves that no parameter makes the decoder panic.
func FuzzDecode(f *testing.F) {
	f.Add("InstanceId.1=a&Filter.1.Value.3=b")
	f.Fuzz(func(t *testing.T, s string) {
		values, err := url.ParseQuery(s)
		if err != nil {
			t.Skip()
		}
		_ = Decode(values, new(sample)) // whether it is refused is not the question
	})
}

// TestMissing proves that a required member is missed.
func TestMissing(t *testing.T) {
	values := url.Values{"InstanceId.1": {""}, "Name": {"x"}}
	if got := Missing(reflect.TypeFor[sample](), Given(values)); got != "InstanceId" {
		t.Errorf("missing: %q", got)
	}
}
