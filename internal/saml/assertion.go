package saml

import (
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// skew is how far the clocks of an identity provider and ours may be apart.
const skew = time.Minute

// readAssertion reads a verified assertion, all but attributes, and checks that it is for us, now and for this request. Until is when it cannot be used any more.
func (sp *ServiceProvider) readAssertion(a *xmlsig.Element, e Expectation) (p *Person, until time.Time, err error) {
	p = &Person{Issuer: issuerOf(a), AssertionID: a.Attr("ID")}
	if a.Attr("Version") != "2.0" || p.AssertionID == "" || len(p.AssertionID) > 1024 || p.Issuer == "" {
		return nil, until, refuse(Malformed, "an assertion without version, id or issuer")
	}
	if format := a.One(samlSpace, "Issuer").Attr("Format"); format != "" && format != entityFormat {
		return nil, until, refuse(WrongIssuer, "an issuer in the format '%.200s'", format)
	}
	if err := sp.notAhead(a); err != nil {
		return nil, until, err
	}
	if err := sp.checkConditions(a.One(samlSpace, "Conditions")); err != nil {
		return nil, until, err
	}
	if until, err = sp.readSubject(a.One(samlSpace, "Subject"), p, e); err != nil {
		return nil, until, err
	}
	if err := sp.readStatements(a, p); err != nil {
		return nil, until, err
	}
	return p, until.Add(skew), nil
}

// notAhead checks that an element was not issued in the future.
func (sp *ServiceProvider) notAhead(e *xmlsig.Element) error {
	issued, err := timeOf(e, "IssueInstant")
	if err != nil {
		return err
	}
	if issued.IsZero() {
		return refuse(Malformed, "<%s> without IssueInstant", e.Local)
	}
	return sp.within(issued, time.Time{})
}

// timeOf reads a time with a zone; zero where it is not there.
func timeOf(e *xmlsig.Element, attr string) (time.Time, error) {
	text := e.Attr(attr)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, refuse(Malformed, "%s='%.50s' is no time", attr, text)
	}
	return t, nil
}

// within checks that now lies between two times, of which zero ones do not count.
func (sp *ServiceProvider) within(notBefore, notOnOrAfter time.Time) error {
	now := sp.now()
	if !notBefore.IsZero() && now.Add(skew).Before(notBefore) {
		return refuse(NotYetValid, "before %v", notBefore)
	}
	if !notOnOrAfter.IsZero() && !now.Add(-skew).Before(notOnOrAfter) {
		return refuse(Expired, "since %v", notOnOrAfter)
	}
	return nil
}

// withinOf checks the times that an element bounds itself by, and answers the later one.
func (sp *ServiceProvider) withinOf(e *xmlsig.Element) (end time.Time, err error) {
	begin, err := timeOf(e, "NotBefore")
	if err != nil {
		return end, err
	}
	if end, err = timeOf(e, "NotOnOrAfter"); err != nil {
		return end, err
	}
	return end, sp.within(begin, end)
}

// checkConditions checks that an assertion is meant for this service, now. A condition that is not understood is not met.
func (sp *ServiceProvider) checkConditions(conditions *xmlsig.Element) error {
	if conditions == nil {
		return refuse(WrongAudience, "no conditions")
	}
	if _, err := sp.withinOf(conditions); err != nil {
		return err
	}
	restricted := false
	for _, c := range conditions.Elements() {
		switch {
		case c.Is(samlSpace, "AudienceRestriction"):
			if !sp.among(c.All(samlSpace, "Audience")) {
				return refuse(WrongAudience, "it is for %.300q", audiencesOf(c))
			}
			restricted = true
		case c.Is(samlSpace, "OneTimeUse"), c.Is(samlSpace, "ProxyRestriction"): // used once as it is, and not handed on
		default:
			return refuse(UnknownCondition, "<%s>", c.Local)
		}
	}
	if !restricted {
		return refuse(WrongAudience, "it is for anybody")
	}
	return nil
}

func (sp *ServiceProvider) among(audiences []*xmlsig.Element) bool {
	for _, a := range audiences {
		if uriOf(a) == sp.EntityID {
			return true
		}
	}
	return false
}

func audiencesOf(restriction *xmlsig.Element) (out []string) {
	for _, a := range restriction.All(samlSpace, "Audience") {
		out = append(out, uriOf(a))
	}
	return out
}

// readSubject reads who the assertion is about and checks that its bearer is confirmed.
func (sp *ServiceProvider) readSubject(subject *xmlsig.Element, p *Person, e Expectation) (until time.Time, err error) {
	if subject == nil {
		return until, refuse(NoSubject, "it is about nobody")
	}
	if id := subject.One(samlSpace, "NameID"); id != nil {
		name, whole := id.Text()
		if !whole {
			return until, refuse(Malformed, "a name id with elements in it")
		}
		p.NameID, p.NameIDFormat = name, id.Attr("Format")
	}
	return sp.checkBearer(subject, e)
}

// checkBearer checks that one confirmation at least is met. Until is the end of the last one, met or not yet: so long the assertion could come again.
func (sp *ServiceProvider) checkBearer(subject *xmlsig.Element, e Expectation) (until time.Time, err error) {
	err = refuse(NoSubject, "nothing confirms the bearer")
	confirmed := false
	for _, c := range subject.All(samlSpace, "SubjectConfirmation") {
		data := c.One(samlSpace, "SubjectConfirmationData")
		if c.Attr("Method") != bearerMethod || data == nil {
			continue
		}
		end, failed := sp.confirm(data, e)
		if end.After(until) {
			until = end
		}
		if confirmed = confirmed || failed == nil; failed != nil {
			err = failed
		}
	}
	if confirmed {
		return until, nil
	}
	return until, err
}

// confirm checks that a message came to the place, for the request and at the time that it was made for.
func (sp *ServiceProvider) confirm(data *xmlsig.Element, e Expectation) (end time.Time, err error) {
	end, err = sp.withinOf(data)
	switch to, answers := data.Attr("Recipient"), data.Attr("InResponseTo"); {
	case to == "" || to != sp.consumer(e.Binding):
		return end, refuse(WrongRecipient, "the assertion is for '%.200s'", to)
	case answers == "" || answers != e.RequestID:
		return end, refuse(WrongRequest, "it answers '%.200s'", answers)
	case err == nil && end.IsZero():
		return end, refuse(Expired, "it does not say when")
	}
	return end, err
}

// readStatements reads when and for how long the person signed in.
func (sp *ServiceProvider) readStatements(a *xmlsig.Element, p *Person) error {
	for _, s := range a.All(samlSpace, "AuthnStatement") {
		at, err := timeOf(s, "AuthnInstant")
		if err != nil {
			return err
		}
		ends, err := timeOf(s, "SessionNotOnOrAfter")
		if err != nil {
			return err
		}
		if err := sp.within(at, ends); err != nil {
			return err
		}
		if p.SignedIn.IsZero() {
			p.SignedIn = at
		}
		if !ends.IsZero() && (p.SessionEnds.IsZero() || ends.Before(p.SessionEnds)) {
			p.SessionEnds = ends
		}
	}
	if p.SignedIn.IsZero() {
		return refuse(NoAuthentication, "")
	}
	return nil
}
