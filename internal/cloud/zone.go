package cloud

// ZoneNames are further names of availability zones, each with the zone's own. A cloud of one machine can offer several zones to
// clients that want to spread over some.
type ZoneNames map[string]string

// Own is the name that hosts know a zone by.
func (z ZoneNames) Own(name string) string {
	if own, ok := z[name]; ok {
		return own
	}
	return name
}

// Of are the further names of a zone.
func (z ZoneNames) Of(own string) (names []string) {
	for name, of := range z {
		if of == own {
			names = append(names, name)
		}
	}
	return names
}
