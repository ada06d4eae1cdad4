// Command document writes the server's OpenAPI document to openapi.json, or with
// -diff reports whether the one there is current. make runs it in the server's folder.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server"
)

const path = "openapi.json"

func main() {
	diff := flag.Bool("diff", false, "write nothing")
	flag.Parse()
	if err := run(*diff); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(diff bool) error {
	text, err := document(context.Background())
	if err != nil {
		return err
	}
	if !diff {
		return os.WriteFile(path, text, 0o644)
	}
	committed, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(committed, text) {
		err = fmt.Errorf("engagement/server/%s is not what the server says: run make generate", path)
	}
	return err
}

func document(ctx context.Context) (text []byte, err error) {
	dir, err := os.MkdirTemp("", "document-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := engagement.Open(ctx, filepath.Join(dir, "empty.db"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := server.New(db)
	if err != nil {
		return nil, err
	}
	return s.OpenAPI(), s.Close()
}
