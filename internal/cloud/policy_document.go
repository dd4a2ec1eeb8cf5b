package cloud

// PolicyDocument is a text that some other service decides by. It is kept here and means nothing to this cloud.
type PolicyDocument struct {
	ID PolicyDocumentID `json:"id"`
	Meta
	Type  string         `json:"type"` // of content: "application/json"
	Text  string         `json:"text"`
	Extra map[string]any `json:"extra,omitempty"`
}
