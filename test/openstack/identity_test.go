package openstack

import (
	"testing"
)

// identity makes project lab and its member alice, who is the user of every later step.
func (s *site) identity(t *testing.T) {
	project := s.admin.Object("project create --description laboratory lab").ID()
	user := s.admin.Object("user create --password wonderland --email alice@example.org alice").ID()
	s.admin.Run("role add --project lab --user alice member")
	found := s.admin.List("role assignment list --user alice --project lab --names")
	if len(found) != 1 || found[0].String("Role") != "member" {
		t.Fatalf("role assignments are %v", found)
	}
	equal(t, "project's name", s.admin.Object("project show "+project).String("name"), "lab")

	token := s.user.Object("token issue")
	equal(t, "token's project", token.String("project_id"), project)
	equal(t, "token's user", token.String("user_id"), user)
	s.applicationCredential(t)
	s.user.Refused("project create other", "403")
	s.user.Refused("flavor create --ram 64 --disk 1 --vcpus 1 mine", "403")

	wrong := s.cloud.Client(t, "OS_USERNAME=alice", "OS_PASSWORD=queen", "OS_PROJECT_NAME=lab")
	wrong.Refused("token issue", "401")
}

func (s *site) applicationCredential(t *testing.T) {
	made := s.user.Object("application credential create --role member --description robot robot")
	robot := s.cloud.Client(t, "OS_AUTH_TYPE=v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID="+made.ID(),
		"OS_APPLICATION_CREDENTIAL_SECRET="+made.String("secret"),
		"OS_USERNAME=", "OS_PASSWORD=", "OS_PROJECT_NAME=", "OS_USER_DOMAIN_NAME=", "OS_PROJECT_DOMAIN_NAME=")
	equal(t, "servers the robot sees", len(robot.List("server list")), 0)
	equal(t, "application credentials", len(s.user.List("application credential list")), 1)
	s.user.Run("application credential delete robot")
	robot.Refused("server list", "401")
}
