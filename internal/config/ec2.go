package config

import (
	"errors"
	"fmt"
	"regexp"
)

// EC2 is what an operator may choose about the Amazon EC2 API.
type EC2 struct {
	// Regions are names that this cloud goes by there; the first is shown where a client names none. Clients exist that know
	// Amazon's own regions only, so one of those is among them at first.
	Regions []string `json:"regions"`
	// SignatureVersion2 also takes requests that are signed the old way.
	SignatureVersion2 bool `json:"signature_version_2"`
	// InstanceTypes are further names of flavors, each with the flavor's name.
	InstanceTypes map[string]string `json:"instance_types"`
}

// defaultEC2 knows the instance types that clients ask for when nobody chose one.
func defaultEC2() EC2 {
	types := map[string]string{}
	for _, family := range []string{"t2", "t3", "t3a"} {
		types[family+".nano"], types[family+".micro"] = "m1.tiny", "m1.tiny"
		types[family+".small"], types[family+".medium"] = "m1.small", "m1.medium"
		types[family+".large"], types[family+".xlarge"] = "m1.large", "m1.xlarge"
	}
	return EC2{Regions: []string{"us-east-1"}, InstanceTypes: types}
}

var regionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func (e EC2) check() error {
	if len(e.Regions) == 0 {
		return errors.New("ec2.regions needs a name: requests are signed for one")
	}
	for _, name := range e.Regions {
		if !regionName.MatchString(name) {
			return fmt.Errorf("ec2.regions: %q: a name has letters, digits and hyphens, 64 at most", name)
		}
	}
	return nil
}
