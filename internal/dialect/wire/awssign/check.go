package awssign

import "time"

// skewMax is how far the clock of who signs may be off.
const skewMax = 5 * time.Minute

// Scope is what signatures have to be made for. Version 2 has none.
type Scope struct {
	Region  func(name string) bool
	Service string
}

// Check refuses a signature that was made for something else, or at another time.
func (s *Signed) Check(now time.Time, want Scope) error {
	if s.Version == 4 {
		if err := s.checkScope(want); err != nil {
			return err
		}
	}
	switch {
	case s.At.After(now.Add(skewMax)):
		return refuse(Stale, "The signature is of %s, and it is %s now: the clocks differ too much.", s.At.Format(time.RFC3339), now.Format(time.RFC3339))
	case !s.Until.IsZero() && !now.Before(s.Until):
		return refuse(Expired, "The request was good until %s.", s.Until.Format(time.RFC3339))
	case s.Until.IsZero() && s.At.Before(now.Add(-skewMax)):
		return refuse(Stale, "The request was signed at %s, and it is %s now: it is too old.", s.At.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	return nil
}

func (s *Signed) checkScope(want Scope) error {
	if s.Service != want.Service {
		return refuse(WrongService, "The credential is scoped to the service '%s'; it has to be '%s'.", s.Service, want.Service)
	}
	if !want.Region(s.Region) {
		return refuse(WrongRegion, "The credential is scoped to the region '%s', which this cloud is not.", s.Region)
	}
	return nil
}
