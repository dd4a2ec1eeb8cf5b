package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var providers = definition[cloud.Provider, cloud.ProviderID]{
	table: "providers", resource: "resource provider",
	id: func(p *cloud.Provider) cloud.ProviderID { return p.ID },
	columns: []column[cloud.Provider]{
		text("name", func(p *cloud.Provider) any { return p.Name }),
		text("parent", func(p *cloud.Provider) any { return p.Parent }),
		set("traits", func(p *cloud.Provider) any { return p.Traits }),
		set("classes", func(p *cloud.Provider) any { return classesOf(p.Stock) }),
	},
	indexes: []index{
		unique("name", "name"),
		by("parent"),
	},
}

var claims = definition[cloud.Claim, string]{
	table: "claims", resource: "claim",
	id: func(c *cloud.Claim) string { return c.ID },
	columns: []column[cloud.Claim]{
		text("consumer", func(c *cloud.Claim) any { return c.Consumer }),
		text("provider", func(c *cloud.Claim) any { return c.Provider }),
		text("project_id", func(c *cloud.Claim) any { return c.ProjectID }),
		text("user_id", func(c *cloud.Claim) any { return c.UserID }),
		number("vcpus", func(c *cloud.Claim) any { return c.Held[cloud.ClassVCPU] }),
		number("memory_mib", func(c *cloud.Claim) any { return c.Held[cloud.ClassMemoryMiB] }),
		number("local_gib", func(c *cloud.Claim) any { return c.Held[cloud.ClassDiskGiB] }),
	},
	indexes: []index{
		by("consumer"),
		by("provider"),
		by("project_id"),
	},
}

var wordsOfOperators = definition[cloud.Word, string]{
	table: "words", resource: "word",
	id: func(w *cloud.Word) string { return w.ID },
	columns: []column[cloud.Word]{
		text("kind", func(w *cloud.Word) any { return w.Kind }),
		text("name", func(w *cloud.Word) any { return w.Name }),
	},
	indexes: []index{
		by("kind", "name"),
	},
}

func classesOf[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for class := range m {
		out = append(out, class)
	}
	return out
}
