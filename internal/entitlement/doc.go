// Package entitlement reads the URNs by which an identity provider says what groups a person is in and what the person
// may do, and compares them:
//
//	urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu
//	urn:mace:egi.eu:group:demo.fedcloud.egi.eu:vm_operator:role=member#aai.egi.eu
//	urn:mace:egi.eu:res:cloud:act:start,stop#aai.egi.eu
//	└─ namespace ─┘ └──── group, subgroups, role ────┘ └ authority ┘
//
// It is pure, and knows neither users nor rules. Package mapping calls it.
//
// Source: AARC-G069 (groups and roles, after AARC-G002) and AARC-G027 (capabilities), https://aarc-community.org/guidelines
package entitlement
