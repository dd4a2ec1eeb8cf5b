package cloud

// Setting is one fact about the whole cloud that must outlive the process: a key
// that signs tokens, the mark that first start has finished. Its id is its name
// ("identity/signing-key").
type Setting struct {
	ID SettingID `json:"id"`
	Meta
	Value string `json:"value"`
}
