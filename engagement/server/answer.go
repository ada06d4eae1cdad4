package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// reply is a body that is encoded already.
type reply struct {
	Status int
	Body   []byte
}

// failed returns the problem of an error, and keeps the error for the log.
func failed(ctx context.Context, err error) error {
	exchangeOf(ctx).noteFailure(err)
	return problemOf(err)
}

// encode returns the JSON of an answer, the same as the command's.
func encode(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return text.Bytes(), err
}

// done is the answer to a change.
func done(ctx context.Context, status int, value any) (*reply, error) {
	text, err := encode(value)
	if err != nil {
		return nil, failed(ctx, err)
	}
	h := exchangeOf(ctx).w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	return &reply{status, text}, nil
}

// current is the answer to a question, which a client that has it already need not
// get again.
func current(ctx context.Context, value any, next engagement.Cursor) (*reply, error) {
	text, err := encode(value)
	if err != nil {
		return nil, failed(ctx, err)
	}
	tag, err := tagOf(value, text)
	if err != nil {
		return nil, failed(ctx, err)
	}
	e := exchangeOf(ctx)
	h := e.w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	if next != "" {
		h.Set("Link", nextLink(e.r.URL.Query(), next))
	}
	if matches(e.r.Header.Values("If-None-Match"), tag) {
		return &reply{Status: http.StatusNotModified}, nil
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	return &reply{http.StatusOK, text}, nil
}

// tagOf returns the ETag of an answer. The time at which it was given is no part of
// what it says.
func tagOf(value any, text []byte) (string, error) {
	var err error
	switch v := value.(type) {
	case engagement.RealTimeStats:
		v.Timestamp = time.Time{}
		text, err = encode(v)
	case engagement.UserSummary:
		v.Timestamp = time.Time{}
		text, err = encode(v)
	}
	sum := sha256.Sum256(text)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, err
}

func matches(given []string, tag string) bool {
	for _, header := range given {
		for one := range strings.SplitSeq(header, ",") {
			if one = strings.TrimSpace(one); one == "*" || "W/"+strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// nextLink is where the next page is, as seen from this one: wherever the server is
// mounted.
func nextLink(query url.Values, next engagement.Cursor) string {
	query.Set("after", string(next))
	return "<?" + query.Encode() + `>; rel="next"`
}

// decode reads a body of JSON, in which nothing is unknown.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if refused, ok := errors.AsType[*engagement.InvalidError](err); ok { // the library's types refuse by themselves
		return refused
	}
	if err != nil {
		return invalid("body", nil, shortened(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return invalid("body", nil, "there is more than one value")
	}
	return nil
}
