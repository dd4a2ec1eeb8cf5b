package policy

import "github.com/nubo-cloud/nubo/internal/cloud"

// imageRules: see package image. A target is Shared for a caller when the image is public,
// community, or shared with the caller's project.
var imageRules = map[Action]Rule{
	"image.get":        SharedReader,
	"image.create":     ProjectMaker,
	"image.create_for": Admin, // owned by another project, or by nobody
	"image.update":     ProjectMember,
	"image.delete":     ProjectMember,
	"image.upload":     ProjectMember,
	"image.import":     ProjectMember,
	"image.download":   SharedReader,
	// What is deactivated is under suspicion: only administrators read its bytes.
	"image.download_deactivated": Admin,
	"image.publish":              Admin,
	"image.communitize":          ProjectMember,
	"image.deactivate":           ProjectMember,
	"image.share":                ProjectMember, // members added and removed by the owner
	// accept is asked with the member's project as the target: the owner cannot accept for it.
	"image.accept":     projectItself,
	"image.see_stores": Admin, // how the bytes are kept
	// What hosts keep of images is the operators' business.
	"image.see_copies":  Admin,
	"image.prefetch":    Admin,
	"image.drop_copies": Admin,
	"image.see_all":     SystemReader, // lists without regard to the owner
}

// vocabularyRules: see package vocabulary. What is defined for all to follow is the administrators' word; a target is
// Shared when the vocabulary is public.
var vocabularyRules = map[Action]Rule{
	"vocabulary.get":     SharedReader,
	"vocabulary.create":  Admin,
	"vocabulary.update":  Admin, // and its definitions
	"vocabulary.delete":  Admin,
	"vocabulary.kinds":   Anyone, // which kinds of nouns there are
	"vocabulary.see_all": SystemReader,
}

// projectItself is a member of the very project, or an administrator.
func projectItself(p *cloud.Principal, t Target) bool {
	return Admin(p, t) || own(p, t) && p.Has("member")
}
