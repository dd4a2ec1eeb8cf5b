package ec2

import (
	"encoding/base64"
	"fmt"
	"sort"
	"strings"
	"time"
)

// place is where a row stands in a list: by when it was made, then by id. Places of rows that are gone still divide the others, so
// a page can begin behind one.
func place[ID ~string](made time.Time, id ID) string {
	return fmt.Sprintf("%020d/%s", made.UnixMicro(), id)
}

// pageOf is the part of rows that a request asks for, and the token of the next part; empty if there is none. Rows are in the
// order of their places.
func pageOf[T any](rows []T, max *int, token string, placeOf func(T) string, least int) (page []T, next string, err error) {
	if max != nil && (*max < least || *max > maxResults) {
		return nil, "", invalidParameter("Value ( %d ) for parameter maxResults is invalid. Expecting a value between %d and %d.", *max, least, maxResults)
	}
	if token != "" {
		behind, err := openToken(token)
		if err != nil {
			return nil, "", err
		}
		rows = rows[sort.Search(len(rows), func(i int) bool { return placeOf(rows[i]) > behind }):]
	}
	if max == nil || len(rows) <= *max {
		return rows, "", nil
	}
	rows = rows[:*max]
	return rows, sealToken(placeOf(rows[len(rows)-1])), nil
}

// maxResults is the largest page.
const maxResults = 1000

func sealToken(place string) string { return base64.RawURLEncoding.EncodeToString([]byte(place)) }

func openToken(token string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if digits, _, ok := strings.Cut(string(text), "/"); err != nil || !ok || len(digits) != 20 {
		return "", bad("InvalidNextToken", "The token '%s' is invalid.", token)
	}
	return string(text), nil
}
