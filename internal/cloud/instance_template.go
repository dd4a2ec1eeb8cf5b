package cloud

// InstanceTemplate is a named description of instances to make, kept in versions.
type InstanceTemplate struct {
	ID        InstanceTemplateID `json:"id"`
	ProjectID ProjectID          `json:"project_id"`
	UserID    UserID             `json:"user_id"`
	Meta
	Name    string `json:"name"` // unique in its project
	Default int    `json:"default"`
	// Latest is the number of the newest version: numbers are not used again.
	Latest   int               `json:"latest"`
	Versions []TemplateVersion `json:"versions"`
}

// TemplateVersion is one version of an InstanceTemplate. Body is a document in the words of the dialect that wrote it, whose name
// Dialect is: nobody else can read it.
type TemplateVersion struct {
	Number      int    `json:"number"`
	Description string `json:"description,omitempty"`
	UserID      UserID `json:"user_id"`
	Dialect     string `json:"dialect"`
	Body        []byte `json:"body"`
	CreatedAt   string `json:"created_at"` // RFC 3339
}

// TemplateUse is the version of a template that an instance was made of. The template may be gone since.
type TemplateUse struct {
	ID      InstanceTemplateID `json:"id"`
	Version int                `json:"version"`
}
