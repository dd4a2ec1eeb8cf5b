package cloud

// InstanceOptions are what an owner has said of an instance beside what it is made of. The zero value is what everybody gets.
type InstanceOptions struct {
	// DeleteProtected and StopProtected instances are not deleted by request, StopProtected ones not stopped either, until their
	// owner says otherwise. What the guest does by itself is not a request.
	DeleteProtected bool `json:"delete_protected,omitempty"`
	StopProtected   bool `json:"stop_protected,omitempty"`
	// DeleteOnShutdown: a guest that powers itself off is deleted, and not just stopped.
	DeleteOnShutdown bool `json:"delete_on_shutdown,omitempty"`
	// Monitored: the owner asked for numbers more often than usual.
	Monitored bool             `json:"monitored,omitempty"`
	Metadata  MetadataAccess   `json:"metadata,omitzero"`
	Firmware  FirmwareIdentity `json:"firmware,omitzero"`
}

// MetadataAccess is how a guest may read what the cloud tells it about itself.
type MetadataAccess struct {
	Disabled bool `json:"disabled,omitempty"`
	// TokensRequired: whoever asks has to show a token that it asked for before, which a fooled proxy in the guest cannot.
	TokensRequired bool `json:"tokens_required,omitempty"`
	// HopLimit is how many hops the answer with a token may go, which containers are behind; 0 means 1.
	HopLimit int `json:"hop_limit,omitempty"`
	// ShowProperties tells the guest its owner's key-value pairs.
	ShowProperties bool `json:"show_properties,omitempty"`
	// Pending: its host has not taken it over yet.
	Pending bool `json:"pending,omitempty"`
}

// FirmwareIdentity is what a guest's firmware says it runs on, for guests that look for their kind of cloud there. Empty: this cloud.
type FirmwareIdentity struct {
	Manufacturer string `json:"manufacturer,omitempty"`
	Product      string `json:"product,omitempty"`
	// UUIDPrefix are hexadecimal digits that the machine's UUID begins with, which is the instance's id otherwise.
	UUIDPrefix string `json:"uuid_prefix,omitempty"`
}
