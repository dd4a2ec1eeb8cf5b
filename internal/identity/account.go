package identity

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// An account number is what a project is called where ids are 12 digits. It follows from the project's id, is kept with the project
// and stays: if another project has it, the next one that follows from the id is taken.

// accountNumbers is how many there are.
const accountNumbers = 1_000_000_000_000

// accountNumber is the number that a project gets at the nth attempt.
func accountNumber(id cloud.ProjectID, attempt int) string {
	sum := sha256.Sum256([]byte("account/" + string(id) + "/" + strconv.Itoa(attempt)))
	return fmt.Sprintf("%012d", binary.BigEndian.Uint64(sum[:])%accountNumbers)
}

// numberProject gives a project the first of its numbers that is free, in the transaction that inserts it: the number is unique in the store.
func (s *Service) numberProject(ctx context.Context, p *cloud.Project) error {
	for attempt := 0; ; attempt++ {
		number := accountNumber(p.ID, attempt)
		_, err := s.Projects.One(ctx, cloud.Eq("account_number", number))
		if cloud.Is(err, cloud.NotFound) {
			p.AccountNumber = number
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// numberProjects is for projects that were made before there were numbers.
func (s *Service) numberProjects(ctx context.Context) error {
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		list, err := s.Projects.List(ctx, cloud.Where(cloud.Eq("account_number", "")))
		return each(list, err, func(p *cloud.Project) error {
			if err := s.numberProject(ctx, p); err != nil {
				return err
			}
			return s.Projects.Update(ctx, p)
		})
	})
	if err != nil {
		return fmt.Errorf("account numbers: %w", err)
	}
	return nil
}

// AccountProject is the project with an account number; NotFound without one.
func (s *Service) AccountProject(ctx context.Context, number string) (cloud.ProjectID, error) {
	if id, ok := s.accounts.project(number); ok {
		return id, nil
	}
	p, err := s.Projects.One(ctx, cloud.Eq("account_number", number))
	if cloud.Is(err, cloud.NotFound) || number == "" {
		return "", cloud.Errorf(cloud.NotFound, "project", number, "No project has the account number '%s'.", number)
	}
	if err != nil {
		return "", err
	}
	s.accounts.add(p)
	return p.ID, nil
}

// AccountNumber is a project's account number.
func (s *Service) AccountNumber(ctx context.Context, id cloud.ProjectID) (string, error) {
	all, err := s.Accounts(ctx, id)
	return all[id], err
}

// Accounts are the account numbers of projects, with one look at the store for those that are not remembered. What a project was called
// that is gone follows from its id.
func (s *Service) Accounts(ctx context.Context, ids ...cloud.ProjectID) (map[cloud.ProjectID]string, error) {
	numbers, unknown := s.accounts.numbers(ids)
	if len(unknown) == 0 {
		return numbers, nil
	}
	list, err := s.Projects.List(ctx, cloud.Where(cloud.In("id", unknown)))
	if err != nil {
		return nil, err
	}
	for _, id := range unknown {
		numbers[id] = accountNumber(id, 0)
	}
	for _, p := range list {
		s.accounts.add(p)
		numbers[p.ID] = p.AccountNumber
	}
	return numbers, nil
}

// accountBook remembers account numbers, which never change. The numbers of projects that are gone lead to ids that are gone.
type accountBook struct {
	mu sync.RWMutex
	of map[cloud.ProjectID]string
	by map[string]cloud.ProjectID
}

// accountsRemembered bounds the book; when it is full it starts anew.
const accountsRemembered = 100_000

func newAccountBook() *accountBook {
	return &accountBook{of: map[cloud.ProjectID]string{}, by: map[string]cloud.ProjectID{}}
}

func (b *accountBook) add(p *cloud.Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.of) >= accountsRemembered {
		clear(b.of)
		clear(b.by)
	}
	b.of[p.ID], b.by[p.AccountNumber] = p.AccountNumber, p.ID
}

func (b *accountBook) project(number string) (cloud.ProjectID, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	id, ok := b.by[number]
	return id, ok
}

func (b *accountBook) numbers(ids []cloud.ProjectID) (known map[cloud.ProjectID]string, unknown []cloud.ProjectID) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	known = make(map[cloud.ProjectID]string, len(ids))
	for _, id := range ids {
		if number, ok := b.of[id]; ok {
			known[id] = number
		} else {
			unknown = append(unknown, id)
		}
	}
	return known, unknown
}
