package neutron_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// A client that follows the links meets every row once, in either direction.
func TestLinksLeadBothWays(t *testing.T) {
	s := newSite(t)
	for i := range 5 {
		s.call(member, "POST", "/v2.0/routers", fmt.Sprintf(`{"router":{"name":"r%d"}}`, i), 201)
	}
	for rel, first := range map[string]string{"next": "", "previous": "&page_reverse=True"} {
		seen, path := map[any]bool{}, "/v2.0/routers?limit=2&sort_key=name"+first
		for path != "" {
			page := s.call(member, "GET", path, "", 200)
			rows := at(page, "routers")
			for i := range length(rows) {
				if id := at(rows, i, "id"); seen[id] {
					t.Errorf("%s: %v is shown twice", rel, id)
				} else {
					seen[id] = true
				}
			}
			path = linkOf(t, page, rel)
		}
		if len(seen) != 5 {
			t.Errorf("%s links lead to %d routers of 5", rel, len(seen))
		}
	}
	links := at(s.call(member, "GET", "/v2.0/routers?limit=2&sort_key=name", "", 200), "routers_links")
	if length(links) != 2 {
		t.Errorf("a full page has the links %v", links)
	}
}

// linkOf is the path of a page's link, empty if it has none.
func linkOf(t *testing.T, page any, rel string) string {
	links := at(page, "routers_links")
	for i := range length(links) {
		if at(links, i, "rel") != rel {
			continue
		}
		u, err := url.Parse(at(links, i, "href").(string))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(u.RequestURI(), "/network")
	}
	return ""
}

// In a bulk request each resource may stand under its name or not, with its tags; afterwards tags have their own path.
func TestManyAreMadeWithTheirTags(t *testing.T) {
	s := newSite(t)
	network := at(s.call(member, "POST", "/v2.0/networks", `{"network":{"name":"n","tags":["b","a","a"]}}`, 201), "network")
	if tags := at(network, "tags"); fmt.Sprint(tags) != "[a b]" {
		t.Errorf("the network's tags are %v", tags)
	}
	id := at(network, "id")
	body := `{"ports":[{"port":{"network_id":"%[1]s","tags":["red"]}},{"network_id":"%[1]s","tags":[]}]}`
	made := s.call(member, "POST", "/v2.0/ports", fmt.Sprintf(body, id), 201)
	if got := fmt.Sprint(at(made, "ports", 0, "tags"), at(made, "ports", 1, "tags")); got != "[red] []" {
		t.Errorf("the ports' tags are %s", got)
	}
	if found := at(s.call(member, "GET", "/v2.0/ports?tags=red", "", 200), "ports"); length(found) != 1 {
		t.Errorf("%d ports are red", length(found))
	}
	s.call(member, "POST", "/v2.0/networks", `{"network":{"tags":[""]}}`, 400)
	s.call(member, "PUT", fmt.Sprintf("/v2.0/networks/%s", id), `{"network":{"tags":["c"]}}`, 400)
}

// A subnet is shared as its network is: with all, or with the one who asks.
func TestSubnetsOfSharedNetworks(t *testing.T) {
	s := newSite(t)
	for _, shared := range []string{"true", "false"} {
		id := at(s.call(admin, "POST", "/v2.0/networks", fmt.Sprintf(`{"network":{"name":"n","shared":%s}}`, shared), 201), "network", "id")
		s.call(admin, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":"%s","ip_version":4,"cidr":"10.0.0.0/24","name":"%s"}}`, id, shared), 201)
	}
	for _, shared := range []string{"true", "false"} {
		found := at(s.call(admin, "GET", "/v2.0/subnets?cidr=10.0.0.0/24&shared="+shared, "", 200), "subnets")
		if length(found) != 1 || at(found, 0, "name") != shared {
			t.Errorf("shared=%s finds %v", shared, found)
		}
	}
	s.call(admin, "GET", "/v2.0/subnets?shared=maybe", "", 400)
}

// Who shows the parts of something changes when they do.
func TestPartsChangeTheirWhole(t *testing.T) {
	s := newSite(t)
	revision := func(path, one string) any { return at(s.call(member, "GET", path, "", 200), one, "revision_number") }
	network := at(s.call(member, "POST", "/v2.0/networks", `{"network":{"name":"n"}}`, 201), "network", "id").(string)
	group := at(s.call(member, "POST", "/v2.0/security-groups", `{"security_group":{"name":"g"}}`, 201), "security_group", "id").(string)
	subnet := at(s.call(member, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":"%s","ip_version":4,"cidr":"10.0.0.0/24"}}`, network), 201), "subnet", "id").(string)
	s.call(member, "PUT", "/v2.0/subnets/"+subnet, `{"subnet":{"name":"s"}}`, 200)
	s.call(member, "DELETE", "/v2.0/subnets/"+subnet, "", 204)
	if got := revision("/v2.0/networks/"+network, "network"); got != 3.0 {
		t.Errorf("after three changes of its subnets the network is at revision %v", got)
	}
	before := revision("/v2.0/security-groups/"+group, "security_group").(float64)
	rule := at(s.call(member, "POST", "/v2.0/security-group-rules", fmt.Sprintf(`{"security_group_rule":{"security_group_id":"%s","direction":"ingress"}}`, group), 201), "security_group_rule", "id").(string)
	s.call(member, "DELETE", "/v2.0/security-group-rules/"+rule, "", 204)
	if got := revision("/v2.0/security-groups/"+group, "security_group"); got != before+2 {
		t.Errorf("after two changes of its rules the group is at revision %v, before %v", got, before)
	}
}
