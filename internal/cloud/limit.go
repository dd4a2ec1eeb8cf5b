package cloud

// RegisteredLimit says how much of a resource of a service everybody may use. Those of images count in this cloud; others are
// kept for services of others, and limits of our own other resources are a Quota.
type RegisteredLimit struct {
	ID LimitID `json:"id"`
	Meta
	LimitSubject
	Default     int64  `json:"default"`
	Description string `json:"description,omitempty"`
}

// LimitSubject is what a limit bounds.
type LimitSubject struct {
	ServiceID string `json:"service_id"`
	RegionID  string `json:"region_id,omitempty"` // empty: in all regions
	Resource  string `json:"resource"`
}

// Limit is what one project or one domain may use in place of the RegisteredLimit of the same subject.
type Limit struct {
	ID LimitID `json:"id"`
	Meta
	LimitSubject
	ProjectID   ProjectID `json:"project_id,omitempty"`
	DomainID    DomainID  `json:"domain_id,omitempty"`
	HomeID      DomainID  `json:"home_id"` // the domain, or that of the project
	Value       int64     `json:"value"`
	Description string    `json:"description,omitempty"`
}
