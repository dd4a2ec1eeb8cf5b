package identity

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// setting reads a document into v; v stays as it is when there is none.
func (s *Service) setting(ctx context.Context, name cloud.SettingID, v any) error {
	row, err := s.Settings.Get(ctx, name)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(row.Value), v)
	}
	if err != nil {
		return fmt.Errorf("setting %s: %w", name, err)
	}
	return nil
}

// dropSetting forgets a document, which may not be there.
func (s *Service) dropSetting(ctx context.Context, name cloud.SettingID) error {
	err := s.Settings.Delete(ctx, name)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	return err
}

// putSetting writes a document, inside the caller's Update.
func (s *Service) putSetting(ctx context.Context, name cloud.SettingID, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("setting %s: %w", name, err)
	}
	row, err := s.Settings.Get(ctx, name)
	if cloud.Is(err, cloud.NotFound) {
		err = s.Settings.Insert(ctx, &cloud.Setting{ID: name, Value: string(b)})
	} else if err == nil {
		row.Value = string(b)
		err = s.Settings.Update(ctx, row)
	}
	if err != nil {
		return fmt.Errorf("setting %s: %w", name, err)
	}
	return nil
}
