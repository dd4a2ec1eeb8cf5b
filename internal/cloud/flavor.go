package cloud

// Flavor is a named size.
type Flavor struct {
	ID FlavorID `json:"id"`
	Meta
	Name        string  `json:"name"`
	Description *string `json:"description,omitempty"`
	FlavorSize
	Public   bool `json:"public"`
	Disabled bool `json:"disabled,omitempty"`
	// Projects may use it when it is not public.
	Projects []ProjectID `json:"projects,omitempty"`
}

// FlavorSize is the part of a flavor that an instance keeps.
type FlavorSize struct {
	VCPUs        int               `json:"vcpus"`
	MemoryMiB    int               `json:"memory_mib"`
	DiskGiB      int               `json:"disk_gib"` // root disk; 0: as large as the image
	EphemeralGiB int               `json:"ephemeral_gib,omitempty"`
	SwapMiB      int               `json:"swap_mib,omitempty"`
	RxTxFactor   float64           `json:"rxtx_factor"`
	ExtraSpecs   map[string]string `json:"extra_specs,omitempty"`
}

// FlavorSnapshot is the flavor as it was when the instance was made or resized.
type FlavorSnapshot struct {
	FlavorID FlavorID `json:"flavor_id"`
	Name     string   `json:"name"`
	// Called is the name by which the owner asked for it; empty: by Name.
	Called string `json:"called,omitempty"`
	FlavorSize
}

// KeyPair is an SSH public key that one user gave a name.
type KeyPair struct {
	ID     KeyPairID `json:"id"` // UserID + "/" + Name
	UserID UserID    `json:"user_id"`
	Meta
	Name        string `json:"name"`
	Type        string `json:"type"` // "ssh" or "x509"
	PublicKey   string `json:"public_key"`
	Fingerprint string `json:"fingerprint"`
	// PrivateFingerprint is of the private half, in the form of whoever made it for the owner; empty: nobody did, or did not say.
	PrivateFingerprint string `json:"private_fingerprint,omitempty"`
}

// NewKeyPairID is the id of a user's key pair of that name.
func NewKeyPairID(u UserID, name string) KeyPairID { return KeyPairID(string(u) + "/" + name) }
