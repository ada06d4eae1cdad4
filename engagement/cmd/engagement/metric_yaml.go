package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/hydraxdev/engagementdb/engagement"
)

// A few hundred bytes of YAML can expand to gigabytes or be nested very deep, so a
// text that is too large for a definition is refused before it is parsed.
const (
	maxDefinitionBytes  = 64 << 10 // as in the library
	maxDefinitionTokens = 1_000    // a definition with everything has some 200; it also bounds the depth
)

// readDefinition reads the definition in a file of YAML or JSON.
func readDefinition(path string, in io.Reader) (d engagement.MetricDefinition, err error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return d, err
		}
		defer func() { _ = file.Close() }() // only read
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxDefinitionBytes+1))
	if err != nil {
		return d, err
	}
	if text, err = jsonOfYAML(text); err != nil {
		return d, fmt.Errorf("%w metric definition: %w", engagement.ErrInvalid, err)
	}
	return engagement.ParseMetricDefinition(text)
}

// jsonOfYAML converts a YAML document to JSON. JSON is YAML too.
func jsonOfYAML(text []byte) ([]byte, error) {
	if len(text) > maxDefinitionBytes {
		return nil, fmt.Errorf("it has more than %d bytes", maxDefinitionBytes)
	}
	if err := checkTokens(lexer.Tokenize(string(text))); err != nil {
		return nil, err
	}
	var tree any
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&tree)
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	}
	if err != nil {
		return nil, errors.New(beginning(yaml.FormatError(err, false, false)))
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one")
	}
	return json.Marshal(tree)
}

// checkTokens refuses more tokens, and kinds of tokens, than a definition needs.
func checkTokens(tokens token.Tokens) error {
	for i, t := range tokens {
		switch {
		case i == maxDefinitionTokens:
			return fmt.Errorf("line %d: it goes on for longer than any definition", t.Position.Line)
		case t.Type == token.AnchorType || t.Type == token.AliasType || t.Type == token.MergeKeyType:
			return fmt.Errorf("line %d: anchors, aliases and merge keys are not read", t.Position.Line)
		}
	}
	return nil
}

// beginning returns the beginning of a text that is too long for a message.
func beginning(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
