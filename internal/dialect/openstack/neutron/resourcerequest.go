package neutron

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// promised are the resource classes of the kinds that promise something, by direction.
var promised = map[cloud.QoSKind]map[string]string{
	cloud.QoSMinimumBandwidth: {"egress": "NET_BW_EGR_KILOBIT_PER_SEC", "ingress": "NET_BW_IGR_KILOBIT_PER_SEC"},
	cloud.QoSMinimumPackets: {"egress": "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC", "ingress": "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
		"any": "NET_PACKET_RATE_KILOPACKET_PER_SEC"},
}

// resourceRequest is what a port asks of the host of its instance, a group for each kind; nil for nothing.
func resourceRequest(p *cloud.Port, q *cloud.QoSPolicy) any {
	if q == nil {
		return nil
	}
	var groups []object
	var ids []string
	for _, kind := range []cloud.QoSKind{cloud.QoSMinimumBandwidth, cloud.QoSMinimumPackets} {
		resources := object{}
		for _, r := range q.Rules {
			if r.Kind == kind && r.Rate > 0 {
				resources[promised[kind][r.Direction]] = r.Rate
			}
		}
		if len(resources) == 0 {
			continue
		}
		id := requestID(p.ID, kind)
		ids = append(ids, id)
		groups = append(groups, object{"id": id, "required": []string{}, "resources": resources})
	}
	if groups == nil {
		return nil
	}
	return object{"request_groups": groups, "same_subtree": ids}
}

// requestID names a group of a port's request, the same each time.
func requestID(port cloud.PortID, kind cloud.QoSKind) string {
	sum := sha256.Sum256([]byte(string(port) + "/" + string(kind)))
	s := hex.EncodeToString(sum[:16])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
