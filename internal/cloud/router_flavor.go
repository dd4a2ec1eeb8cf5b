package cloud

// RouterFlavor is a choice of how a router is made. Its profiles say which driver makes it; the first one that may be used counts.
type RouterFlavor struct {
	ID RouterFlavorID `json:"id"`
	Meta
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Enabled     bool              `json:"enabled"`
	Profiles    []RouterProfileID `json:"profiles,omitempty"`
}

// RouterProfile is a driver with what it is told. No driver: the cloud's own.
type RouterProfile struct {
	ID RouterProfileID `json:"id"`
	Meta
	Description string `json:"description,omitempty"`
	Driver      string `json:"driver,omitempty"`
	Details     string `json:"details,omitempty"` // for the driver; any text
	Enabled     bool   `json:"enabled"`
}
