package cloud

// Notice tells the people of a project why something they asked for did not come about. Its Fault is for them alone; what only operators
// may know stays in the Operation.
type Notice struct {
	ID        NoticeID  `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	UserID    UserID    `json:"user_id,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
	Meta
	// Noun and NounID are what it is about, and Kind what was to be done ("volume.grow"), as Operations name them.
	Noun   string `json:"noun"`
	NounID string `json:"noun_id"`
	Kind   string `json:"kind"`
	Fault  Fault  `json:"fault"`
}
