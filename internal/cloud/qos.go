package cloud

// QoSPolicy bounds, marks and promises traffic of what uses it: ports, networks (for their ports), floating IPs and
// routers' gateways. Its rules are few and always read together, so they live in it.
type QoSPolicy struct {
	ID        QoSPolicyID `json:"id"`
	ProjectID ProjectID   `json:"project_id"`
	Meta
	Revisions   int       `json:"revisions"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Shared      bool      `json:"shared,omitempty"`  // usable by every project
	Default     bool      `json:"default,omitempty"` // for new networks of its project that name none
	Rules       []QoSRule `json:"rules,omitempty"`
	Tags        []string  `json:"tags,omitempty"`
}

// QoSKind is what a rule does.
type QoSKind string

// The kinds. Limits are kept by the host, marks are written into packets, and a minimum is room that an instance's host must
// have left.
const (
	QoSBandwidthLimit   QoSKind = "bandwidth limit"   // kbit/s
	QoSPacketLimit      QoSKind = "packet limit"      // thousand packets/s
	QoSMark             QoSKind = "mark"              // DSCP
	QoSMinimumBandwidth QoSKind = "minimum bandwidth" // kbit/s
	QoSMinimumPackets   QoSKind = "minimum packets"   // thousand packets/s
)

// QoSRule is one rule of a policy.
type QoSRule struct {
	ID   QoSRuleID `json:"id"`
	Kind QoSKind   `json:"kind"`
	// Direction is "ingress" or "egress", seen from the instance, "any" for both together (minimum packets only), or
	// empty for a mark.
	Direction string `json:"direction,omitempty"`
	// Rate and Burst are in the kind's unit; Burst 0 is chosen by the cloud.
	Rate  int `json:"rate,omitempty"`
	Burst int `json:"burst,omitempty"`
	Mark  int `json:"mark,omitempty"`
}
