package daemon

import (
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/samlfeed"
)

func feedSources(c config.Config) (sources []samlfeed.Source) {
	for _, f := range c.SAMLFeeds {
		sources = append(sources, samlfeed.Source{Name: f.Name, From: f.From, Certificate: f.Certificate, Every: f.Refresh()})
	}
	return sources
}
