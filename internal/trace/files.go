package trace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// suffix of the log's files, after their day.
const suffix = ".jsonl"

// days lists the days that have a file, in order. Other files are nobody's business.
func days(dir string) ([]string, error) {
	files, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, err
	}
	var all []string
	for _, f := range files {
		day, ours := strings.CutSuffix(f.Name(), suffix)
		if _, err := time.Parse(time.DateOnly, day); ours && err == nil {
			all = append(all, day)
		}
	}
	return all, nil
}

// prune removes the files of days that are out of the time to keep.
func (l *Log) prune(now time.Time) error {
	if l.options.Months == 0 {
		return nil
	}
	all, err := days(l.dir)
	if err != nil {
		return err
	}
	first := now.AddDate(0, -l.options.Months, 0).Format(time.DateOnly)
	for _, day := range all {
		if day >= first {
			break
		}
		if err := os.Remove(filepath.Join(l.dir, day+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove old traces: %w", err)
		}
	}
	return nil
}
