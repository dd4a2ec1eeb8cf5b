package neutron

import (
	"math"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) listRuleTypes(w http.ResponseWriter, r *http.Request) error {
	shown := make([]object, len(qosRuleKinds))
	for i, k := range qosRuleKinds {
		shown[i] = object{"type": k.kind}
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"rule_types": pick(shown, r)})
}

func (a *api) showRuleType(w http.ResponseWriter, r *http.Request) error {
	i := slices.IndexFunc(qosRuleKinds, func(k qosRuleKind) bool { return k.kind == r.PathValue("type") })
	if i < 0 {
		return cloud.NotFoundf("QoS rule type", r.PathValue("type"))
	}
	if err := a.net.SeesQoSDrivers(r.Context()); err != nil {
		return err
	}
	k := qosRuleKinds[i]
	return openstack.WriteJSON(w, http.StatusOK, object{"rule_type": object{"type": k.kind,
		"drivers": []object{{"name": "nubo", "supported_parameters": k.parameters()}}}})
}

// parameters are the values that the attributes of the kind may have.
func (k qosRuleKind) parameters() []object {
	if k.mark {
		return []object{{"parameter_name": "dscp_mark", "parameter_type": "choices", "parameter_values": network.QoSMarks}}
	}
	parameters := []object{rangeParameter(k.rate), {"parameter_name": "direction", "parameter_type": "choices", "parameter_values": k.directions}}
	if k.burst != "" {
		parameters = append(parameters, rangeParameter(k.burst))
	}
	return parameters
}

func rangeParameter(name string) object {
	return object{"parameter_name": name, "parameter_type": "range", "parameter_values": object{"start": 0, "end": math.MaxInt32}}
}
