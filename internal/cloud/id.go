package cloud

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"time"
)

// Ids are types, so that one cannot be passed for another. Their text is a
// UUID; identity nouns use the 32 digits without dashes, as their APIs do.
type (
	InstanceID          string
	FlavorID            string
	KeyPairID           string
	InstanceGroupID     string
	ImageID             string
	VolumeID            string
	SnapshotID          string
	AttachmentID        string
	VolumeTypeID        string
	NetworkID           string
	SubnetID            string
	SubnetPoolID        string
	AddressScopeID      string
	ShareID             string
	PortID              string
	RouterID            string
	FloatingIPID        string
	SecurityGroupID     string
	AddressGroupID      string
	TrunkID             string
	QoSPolicyID         string
	QoSRuleID           string
	MeterID             string
	MeterRuleID         string
	RouterFlavorID      string
	RouterProfileID     string
	RuleTemplateID      string
	SegmentID           string
	SegmentRangeID      string
	RuleID              string
	ProjectID           string
	DomainID            string
	UserID              string
	RoleID              string
	GroupID             string
	CredentialID        string
	SecretID            string
	TrustID             string
	ApplicationID       string
	DelegationRequestID string
	DelegationID        string
	LimitID             string
	PolicyDocumentID    string
	IdentityProviderID  string
	MappingID           string
	ServiceProviderID   string
	HostID              string
	AggregateID         string
	ProviderID          string
	ConsumerID          string
	OperationID         string
	QuotaID             string
	UsageID             string
	SettingID           string
	VolumeQOSID         string
	VolumeKeyID         string
	VolumeEncryptionID  string
	TransferID          string
	VolumeGroupID       string
	VolumeGroupTypeID   string
	GroupSnapshotID     string
	BackupID            string
	NoticeID            string
	VocabularyID        string
	DefinitionID        string
	MigrationID         string
	RouteTableID        string
	GatewayID           string
	NATGatewayID        string
	PacketFilterID      string
	PeeringID           string
	DHCPOptionSetID     string
	VPNServiceID        string
	VPNProposalID       string
	EndpointGroupID     string
	VPNPeerID           string
	VPNConnectionID     string
	InstanceTemplateID  string
)

// NewID makes a UUID that begins with the time, as those of version 7 do: ids made later sort later, which keeps rows
// made together together on disk. It says that it is of version 4, as clients are in use that know versions 1 to 5 only
// and refuse others before they send anything (gophercloud's scheduler hints).
func NewID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("cloud: no randomness: " + err.Error()) // the kernel's generator cannot fail
	}
	ms := uint64(time.Now().UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return formatID(hex.EncodeToString(b[:]))
}

// DerivedID is the id of something that follows from others: the same each time. It is in the form of a UUID of version 5,
// of which it is none: clients look at the form alone.
func DerivedID(from ...string) string {
	b := sha256.Sum256([]byte(strings.Join(from, "/")))
	b[6] = b[6]&0x0f | 0x50
	b[8] = b[8]&0x0f | 0x80
	return formatID(hex.EncodeToString(b[:16]))
}

// ShortID is an id as dialects with shorter ones show it: 17 hexadecimal digits, the same for the same id each time. The store
// keeps it beside the ids of nouns that are asked for by it (column "short_id", unique). It is not a part of the id: ids begin
// with their time, so that of those made in one millisecond few digits differ.
func ShortID[ID ~string](id ID) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])[:17]
}

// formatID writes 32 hexadecimal digits as ids are written.
func formatID(s string) string {
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// NewHexID makes 32 random hexadecimal digits.
func NewHexID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("cloud: no randomness: " + err.Error())
	}
	return hex.EncodeToString(b[:])
}

// Meta is what every stored noun has besides its id.
type Meta struct {
	// Revision changes with every write and is never the same for two states of
	// one row. An Update with another revision than the row's is a Conflict.
	Revision  int64     `json:"-"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Labels are the owner's key-value pairs, of nouns that have no other place for them (Properties).
	Labels map[string]string `json:"labels,omitempty"`
}

// EditLabels lets edit change a copy of the labels, which the row has then: the map that it had may be shared with readers.
func (m *Meta) EditLabels(edit func(labels map[string]string) error) error {
	labels := maps.Clone(m.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	if err := edit(labels); err != nil {
		return err
	}
	m.Labels = labels
	return nil
}

// Stored gives the store access to the Meta of any noun.
func (m *Meta) Stored() *Meta { return m }
