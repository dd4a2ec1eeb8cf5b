package sts

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The bounds of what is asked for.
const (
	tokenBytesMax  = 20_000
	roleLifeMax    = 12 * time.Hour
	roleLife       = time.Hour
	ownLife        = 12 * time.Hour
	ownLifeMax     = 36 * time.Hour
	lifeMin        = 15 * time.Minute
	accessPrefix   = "ASIA"
	rolePrefix     = "role/"
	rolePartition  = "aws"
	identityWorker = "iam"
)

var sessionNames = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// role is a role's name taken apart.
type role struct{ arn, account, name string }

func roleOf(p url.Values) (role, error) {
	arn := p.Get("RoleArn")
	f := strings.SplitN(arn, ":", 6)
	if len(f) != 6 || f[0] != "arn" || f[1] != rolePartition || f[2] != identityWorker || f[3] != "" || !strings.HasPrefix(f[5], rolePrefix) {
		return role{}, invalid("RoleArn '%s' has to read arn:aws:iam::ACCOUNT:role/ROLE.", arn)
	}
	// A path before the name is part of no role here.
	return role{arn, f[4], strings.TrimPrefix(f[5], rolePrefix)}, nil
}

func sessionName(p url.Values) (string, error) {
	name := p.Get("RoleSessionName")
	if !sessionNames.MatchString(name) {
		return "", invalid("RoleSessionName has 2 to 64 letters, digits and characters of '_+=,.@-'.")
	}
	return name, nil
}

// lifetime is how long the credentials shall be good.
func lifetime(p url.Values, usual, most time.Duration) (time.Duration, error) {
	text := p.Get("DurationSeconds")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if life := time.Duration(n) * time.Second; err == nil && life >= lifeMin && life <= most {
		return life, nil
	}
	return 0, invalid("DurationSeconds is a number from %d to %d.", int(lifeMin.Seconds()), int(most.Seconds()))
}

// refuseLimits refuses what would make credentials good for less, or harder to get, and what nothing here would enforce.
func refuseLimits(p url.Values) error {
	for name := range p {
		if name == "Policy" || strings.HasPrefix(name, "PolicyArns.") {
			return bad("MalformedPolicyDocument", "This cloud does not enforce policies of sessions. Assume a role that may do less instead.")
		}
	}
	if p.Get("SerialNumber") != "" || p.Get("TokenCode") != "" {
		return denied("This cloud knows no multi-factor devices by their serial numbers.")
	}
	return nil
}
