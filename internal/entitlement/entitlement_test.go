package entitlement

import (
	"slices"
	"testing"
)

// What the federation's providers send is taken apart.
func TestParse(t *testing.T) {
	for text, want := range map[string]Entitlement{
		"urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu":            {Namespace: "urn:mace:egi.eu", Group: []string{"vo.access.egi.eu"}, Role: "vm_operator", Authority: "aai.egi.eu"},
		"urn:mace:egi.eu:group:demo.fedcloud.egi.eu:vm_operator:role=member#aai.egi.eu": {Namespace: "urn:mace:egi.eu", Group: []string{"demo.fedcloud.egi.eu", "vm_operator"}, Role: "member", Authority: "aai.egi.eu"},
		"URN:Geant:EduTeams.org:sub:group:Minun%20Ryhm%c3%a4ni":                         {Namespace: "urn:geant:eduteams.org:sub", Group: []string{"Minun Ryhmäni"}},
		"urn:mace:egi.eu:res:cloud:vm:act:stop,start,stop#aai.egi.eu":                   {Namespace: "urn:mace:egi.eu", Resource: []string{"cloud", "vm"}, Actions: []string{"start", "stop"}, Authority: "aai.egi.eu"},
		"urn:mace:egi.eu:res:%61ct":                                                     {Namespace: "urn:mace:egi.eu", Resource: []string{"act"}},
		"urn:mace:egi.eu:aai.egi.eu:vm_operator@fedcloud.egi.eu":                        {Namespace: "urn:mace:egi.eu", Group: []string{"fedcloud.egi.eu"}, Role: "vm_operator", Authority: "aai.egi.eu"},
	} {
		got, err := Parse(text)
		if err != nil || got.Namespace != want.Namespace || !slices.Equal(got.Group, want.Group) || got.Role != want.Role ||
			!slices.Equal(got.Resource, want.Resource) || !slices.Equal(got.Actions, want.Actions) || got.Authority != want.Authority {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// What could mean several things, or nothing, is no entitlement.
func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "ops", "urn:mace:egi.eu", "urn:mace:group:ops", "mace:mace:egi.eu:group:ops", "urn:m:egi.eu:group:ops", "urn:mace:egi%2eeu:group:ops",
		"urn:mace:egi.eu:group", "urn:mace:egi.eu:group:", "urn:mace:egi.eu:group:role=member", "urn:mace:egi.eu:group:ops:role=", "urn:mace:egi.eu:group:ops:role=a:b",
		"urn:mace:egi.eu:group::ops", "urn:mace:egi.eu:group:ops#", "urn:mace:egi.eu:group:ops#a#b", "urn:mace:egi.eu:group:op s", "urn:mace:egi.eu:group:ops%2", "urn:mace:egi.eu:group:ops?=x",
		"urn:mace:egi.eu:res", "urn:mace:egi.eu:res:act:start", "urn:mace:egi.eu:res:vm:act", "urn:mace:egi.eu:res:vm:act:start,", "urn:mace:egi.eu:res:vm:act:start:stop",
		"urn:mace:egi.eu:aai.egi.eu:vo:vm_operator@fedcloud.egi.eu", "urn:mace:egi.eu:aai.egi.eu:a@b@c", "urn:mace:egi.eu:goc.egi.eu:manager@site",
	} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%s was read as %+v", text, got)
		}
	}
}

// Namespace, group and role decide; the authority where one is demanded; the actions where a resource is meant.
func TestMatch(t *testing.T) {
	const ops = "urn:mace:egi.eu:group:ops:role=vm_operator"
	for _, c := range []struct {
		have, want string
		matches    bool
	}{
		{ops + "#aai.egi.eu", ops, true},
		{ops + "#aai.egi.eu", ops + "#aai.egi.eu", true},
		{ops + "#aai.egi.eu", ops + "#aai-demo.egi.eu", false},
		{ops, ops + "#aai.egi.eu", false},
		{"URN:MACE:EGI.eu:group:ops:role=vm_operator#aai.egi.eu", ops, true},
		{"urn:mace:egi.eu:group:op%73:role=vm%5Foperator", ops, true},
		{"urn:mace:egi.eu:group:Ops:role=vm_operator", ops, false},
		{"urn:mace:egi.eu:group:ops:role=VM_operator", ops, false},
		{"urn:geant:egi.eu:group:ops:role=vm_operator", ops, false},
		{"urn:mace:egi.eu:sub:group:ops:role=vm_operator", ops, false},
		{"urn:mace:egi.eu:group:ops:sub:role=vm_operator", ops, false},
		{"urn:mace:egi.eu:group:ops%3Asub", "urn:mace:egi.eu:group:ops:sub", false},
		{"urn:mace:egi.eu:group:ops", ops, false},
		{ops, "urn:mace:egi.eu:group:ops", false},
		{"urn:mace:egi.eu:aai.egi.eu:vm_operator@ops", ops + "#aai.egi.eu", true},
		{"urn:mace:egi.eu:res:vm:act:start,stop", "urn:mace:egi.eu:res:vm:act:stop", true},
		{"urn:mace:egi.eu:res:vm:act:stop", "urn:mace:egi.eu:res:vm:act:start,stop", false},
		{"urn:mace:egi.eu:res:vm:act:stop", "urn:mace:egi.eu:res:vm", false},
		{"urn:mace:egi.eu:res:vm", "urn:mace:egi.eu:res:vm:act:stop", false},
		{"urn:mace:egi.eu:res:vm#a", "urn:mace:egi.eu:res:vm", true},
		{"urn:mace:egi.eu:res:ops:role%3Dvm_operator", ops, false},
		{"ops", "ops", true},
		{"ops", "Ops", false},
		{"urn:mace:egi.eu:goc.egi.eu:manager@site", "urn:mace:egi.eu:goc.egi.eu:manager@site", true},
	} {
		have, want := Read(c.have), Read(c.want)
		if Match(&have, &want) != c.matches {
			t.Errorf("who has %s has %s: not %v", c.have, c.want, c.matches)
		}
	}
}

// Nothing that a provider sends makes it fall over, all is equal to itself, and its one spelling says the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"urn:mace:egi.eu:group:a:b:role=c#d", "urn:mace:egi.eu:res:%61ct:act:x,y#d", "urn:mace:egi.eu:aai.egi.eu:r@v", "urn:a:b:group:%00", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := Read(text)
		if !Match(&e, &e) {
			t.Errorf("%q is not itself", text)
		}
		if e, err := Parse(text); err == nil {
			again, err := Parse(e.String())
			if err != nil || !Match(&again, &e) || !Match(&e, &again) || again.String() != e.String() {
				t.Errorf("%q is spelt %q, which is %+v, %v", text, e.String(), again, err)
			}
		}
	})
}
