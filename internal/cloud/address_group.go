package cloud

import "net/netip"

// AddressGroup is a named list of prefixes that rules of security groups may name as the other side. Rules follow the
// list as it changes.
type AddressGroup struct {
	ID        AddressGroupID `json:"id"`
	ProjectID ProjectID      `json:"project_id"`
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Shared      bool   `json:"shared,omitempty"` // every project may name it
	// Prefixes are masked, sorted, and each is there once.
	Prefixes []netip.Prefix `json:"prefixes"`
}
