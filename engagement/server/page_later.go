package server

import (
	"context"
	"time"
)

// firstPaint is how long a page takes that could leave a part for later.
const firstPaint = 75 * time.Millisecond

// part is a part of a page that may take longer than one waits for a page, in a large
// community.
type part struct {
	name, title string
	add         func(context.Context) error
}

// later is a part that is left for the script, or for who follows the link.
type later struct{ Name, Text, Href string }

// parts adds the part that is asked for or, of all, those that are counted soon enough.
// It returns the others, and the name of the only one that is shown.
func (v *visit) parts(all ...part) (left []later, only string, err error) {
	only = v.r.URL.Query().Get("part")
	ctx, cancel := context.WithTimeout(v.r.Context(), v.s.firstPaint)
	defer cancel()
	found := only == ""
	for _, p := range all {
		switch {
		case only == p.name:
			found = true
			err = p.add(v.r.Context())
		case only == "":
			if err = p.add(ctx); ctx.Err() != nil && v.r.Context().Err() == nil {
				left, err = append(left, later{p.name, p.title, v.with("part", p.name, "csv")}), nil
			}
		}
		if err != nil {
			return nil, only, err
		}
	}
	if !found {
		return nil, only, kindNotFound.problem("this page has no such part")
	}
	return left, only, nil
}
