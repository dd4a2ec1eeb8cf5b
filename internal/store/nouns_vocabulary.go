package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var vocabularies = definition[cloud.Vocabulary, cloud.VocabularyID]{
	table: "vocabularies", resource: "metadata namespace",
	id: func(v *cloud.Vocabulary) cloud.VocabularyID { return v.ID },
	columns: []column[cloud.Vocabulary]{
		text("project_id", func(v *cloud.Vocabulary) any { return v.ProjectID }),
		text("name", func(v *cloud.Vocabulary) any { return v.Name }),
		text("visibility", func(v *cloud.Vocabulary) any { return v.Visibility }),
		set("targets", func(v *cloud.Vocabulary) any { return kindsOf(v) }),
	},
	indexes: []index{
		unique("name", "name"),
		by("project_id", "created_at"),
		by("visibility", "created_at"),
		by("updated_at"),
	},
}

var definitions = definition[cloud.Definition, cloud.DefinitionID]{
	table: "definitions", resource: "metadata definition",
	id: func(d *cloud.Definition) cloud.DefinitionID { return d.ID },
	columns: []column[cloud.Definition]{
		text("vocabulary_id", func(d *cloud.Definition) any { return d.VocabularyID }),
		text("kind", func(d *cloud.Definition) any { return d.Kind }),
		text("name", func(d *cloud.Definition) any { return d.Name }),
	},
	indexes: []index{
		unique("name", "vocabulary_id", "kind", "name"),
		by("vocabulary_id", "created_at"),
	},
}

var targetKinds = definition[cloud.TargetKind, string]{
	table: "target_kinds", resource: "resource type",
	id: func(k *cloud.TargetKind) string { return k.Name },
}

func kindsOf(v *cloud.Vocabulary) []string {
	out := make([]string, len(v.Targets))
	for n, t := range v.Targets {
		out[n] = t.Kind
	}
	return out
}
