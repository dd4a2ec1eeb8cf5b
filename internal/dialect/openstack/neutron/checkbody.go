package neutron

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// What a body may not say, whatever the resource. This API looks at it before it asks what the caller may do.

// lengths are how many characters a text may have that goes by the name. A field's tag "max" says otherwise.
var lengths = map[string]int{"name": 255, "description": 255, "project_id": 255, "tenant_id": 255, "target_tenant": 255,
	"device_id": 255, "device_owner": 255, "dns_name": 255, "dns_domain": 255}

// ids are the names that the ids of what the cloud made go by.
var ids = []string{"network_id", "subnet_id", "port_id", "security_group_id", "floating_network_id", "qos_policy_id",
	"address_scope_id", "remote_address_group_id", "object_id"}

// checkBody checks what v points to: the body of a request, or a part of it.
func checkBody(v any) error {
	if o, ok := v.(interface{ oneOwner() error }); ok {
		if err := o.oneOwner(); err != nil {
			return err
		}
	}
	return checkFields(reflect.ValueOf(v).Elem())
}

func checkFields(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkFields(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := checkField(v.Type().Field(i), v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkField(f reflect.StructField, v reflect.Value) error {
	switch {
	case f.Anonymous:
		return checkFields(v)
	case !v.CanInterface():
		return nil
	case v.Kind() == reflect.String:
		return checkText(f.Tag, v.String())
	}
	if t, ok := v.Interface().(text); ok {
		return checkText(f.Tag, t.Value)
	}
	return checkFields(v)
}

func checkText(tag reflect.StructTag, value string) error {
	name, _, _ := strings.Cut(tag.Get("json"), ",")
	limit := lengths[name]
	if n, err := strconv.Atoi(tag.Get("max")); err == nil {
		limit = n
	}
	if n := utf8.RuneCountInString(value); limit > 0 && n > limit {
		return cloud.Invalidf("request", "body", "Invalid input for %s. Reason: its %d characters exceed the maximum length of %d.", name, n, limit)
	}
	if value != "" && slices.Contains(ids, name) && !isUUID(value) {
		return cloud.Invalidf("request", "body", "Invalid input for %s. Reason: '%s' is not a valid UUID.", name, value)
	}
	return nil
}

// isUUID tells whether a text is a UUID, with hyphens or without.
func isUUID(s string) bool {
	digits := strings.ToLower(strings.ReplaceAll(s, "-", ""))
	return len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == ""
}
