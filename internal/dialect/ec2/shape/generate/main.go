// Command generate makes the Go types of package shape from the published model of the service.
//
//	generate                            model.json -> shapes.go, operations.go
//	generate -from service-2.json.gz    the same, and model.json anew: of the published model what actions.txt asks for
//
// The published model comes with botocore, in data/ec2/2016-11-15. What is kept of it is names and types: no text.
package main

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	from := flag.String("from", "", "the published model to trim into model.json first")
	flag.Parse()
	if err := run(*from); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(from string) error {
	if from != "" {
		if err := trim(from); err != nil {
			return err
		}
	}
	m, err := readModel("model.json")
	if err != nil {
		return err
	}
	for file, write := range map[string]func(*model) ([]byte, error){"shapes.go": shapesSource, "operations.go": operationsSource} {
		source, err := write(m)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, source, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// trim writes model.json: the actions of actions.txt, the shapes they reach, and the names of all others.
func trim(from string) error {
	whole, err := readModel(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile("actions.txt")
	if err != nil {
		return err
	}
	kept := &model{Operations: map[string]operation{}, Shapes: map[string]shape{}}
	for _, name := range actions(string(text)) {
		op, ok := whole.Operations[name]
		if !ok {
			return fmt.Errorf("the model has no action %q", name)
		}
		kept.Operations[name] = op
		kept.keep(whole, op.Input.Shape)
		kept.keep(whole, op.Output.Shape)
	}
	for name := range whole.Operations {
		if _, served := kept.Operations[name]; !served {
			kept.Unserved = append(kept.Unserved, name)
		}
	}
	return kept.write("model.json")
}

// actions are the words of a text, without comments.
func actions(text string) (names []string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			names = append(names, strings.Fields(line)...)
		}
	}
	return names
}

func readModel(file string) (*model, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	var m model
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &m, nil
}
