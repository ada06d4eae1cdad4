package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Problem is what a client is told of an error: an RFC 9457 problem. There is one
// Type for each thing that a client does differently.
type Problem struct {
	Type      string `json:"type"` // such as urn:engagementdb:invalid
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Field     string `json:"field,omitempty"`  // of an invalid request: what was refused
	Value     string `json:"value,omitempty"`  // what was given there
	Reason    string `json:"reason,omitempty"` // what is wrong with it, or what is wanted
	RequestID string `json:"request_id,omitempty"`

	header http.Header
}

const problemPrefix = "urn:engagementdb:"

// kind is a kind of problem.
type kind struct {
	name, title string
	status      int
	retryAfter  int // seconds; 0: trying again does not help
}

var (
	kindInvalid      = kind{"invalid", "The request is not valid", http.StatusBadRequest, 0}
	kindUnauthorized = kind{"unauthorized", "A valid token is needed", http.StatusUnauthorized, 0}
	kindForbidden    = kind{"forbidden", "The token does not allow this", http.StatusForbidden, 0}
	kindNotFound     = kind{"not-found", "There is no such thing", http.StatusNotFound, 0}
	kindMethod       = kind{"method-not-allowed", "The method is not allowed here", http.StatusMethodNotAllowed, 0}
	kindConflict     = kind{"conflict", "It contradicts what is stored", http.StatusConflict, 0}
	kindTooLarge     = kind{"too-large", "The request is too large", http.StatusRequestEntityTooLarge, 0}
	kindMediaType    = kind{"media-type", "The content type is not supported", http.StatusUnsupportedMediaType, 0}
	kindTooMany      = kind{"too-many-requests", "Too many failed tries", http.StatusTooManyRequests, 6}
	kindBusy         = kind{"busy", "The database is busy", http.StatusServiceUnavailable, 1}
	kindUnavailable  = kind{"unavailable", "The database cannot be reached", http.StatusServiceUnavailable, 5}
	kindTimeout      = kind{"timeout", "It took too long", http.StatusServiceUnavailable, 5}
	kindClosed       = kind{"closed", "The server is stopping", http.StatusServiceUnavailable, 5}
	kindStorage      = kind{"storage", "No room is left, or a disk fails", http.StatusInsufficientStorage, 0}
	kindDenied       = kind{"denied", "The database refuses the server", http.StatusServiceUnavailable, 0}
	kindSchema       = kind{"schema", "The database has another schema", http.StatusServiceUnavailable, 0}
	kindReadOnly     = kind{"read-only", "The database takes no writes", http.StatusForbidden, 0}
	kindCorrupt      = kind{"corrupt", "The database is damaged", http.StatusInternalServerError, 0}
	kindInternal     = kind{"internal", "Something went wrong", http.StatusInternalServerError, 0}
)

// kindOf says which kind of problem an error of the library is.
var kindOf = []struct {
	sentinel error
	kind     kind
}{
	{engagement.ErrInvalid, kindInvalid},
	{engagement.ErrNotFound, kindNotFound},
	{engagement.ErrConflict, kindConflict},
	{engagement.ErrBusy, kindBusy},
	{engagement.ErrUnavailable, kindUnavailable},
	{engagement.ErrDenied, kindDenied},
	{engagement.ErrStorage, kindStorage},
	{engagement.ErrSchema, kindSchema},
	{engagement.ErrCorrupt, kindCorrupt},
	{engagement.ErrReadOnly, kindReadOnly},
	{engagement.ErrClosed, kindClosed},
	{context.DeadlineExceeded, kindTimeout},
	{context.Canceled, kindTimeout},
}

func (k kind) problem(detail string) *Problem {
	p := &Problem{Type: problemPrefix + k.name, Title: k.title, Status: k.status, Detail: detail, header: http.Header{}}
	if k.retryAfter > 0 {
		p.header.Set("Retry-After", strconv.Itoa(k.retryAfter))
	}
	return p
}

// problemOf returns what a client is told of an error: all of it only if it is
// about the request, and of any other no more than its kind.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if refused, ok := errors.AsType[*engagement.InvalidError](err); ok {
		p := kindInvalid.problem(refused.Error())
		p.Field, p.Reason = refused.Field, refused.Reason
		if refused.Value != nil {
			p.Value = shortened(fmt.Sprint(refused.Value))
		}
		return p
	}
	for _, known := range kindOf {
		switch {
		case !errors.Is(err, known.sentinel):
		case known.kind == kindNotFound, known.kind == kindConflict:
			return known.kind.problem(err.Error())
		case known.kind == kindInvalid: // the text is the database's own
			return known.kind.problem("the database refuses a value of the request")
		default:
			return known.kind.problem("")
		}
	}
	return kindInternal.problem("")
}

// shortened returns the beginning of a text that is too long for a message.
func shortened(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Error returns the problem as a sentence.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// GetStatus, GetHeaders and ContentType are for huma, which writes a problem that
// an operation returns.

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType returns the type of a problem in JSON.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// refusal makes a problem of what huma refuses by itself.
func refusal(e *huma.ErrorModel) *Problem {
	if e.Status == http.StatusRequestEntityTooLarge {
		return tooLarge()
	}
	p := kindInvalid.problem(e.Detail)
	if len(e.Errors) == 0 {
		return p
	}
	first := e.Errors[0]
	_, field, _ := strings.Cut(first.Location, ".")
	p.Field, p.Reason = field, first.Message
	if first.Value != nil {
		p.Value = shortened(fmt.Sprint(first.Value))
	}
	p.Detail = fmt.Sprintf("invalid %s %q: %s", p.Field, p.Value, p.Reason)
	return p
}

func tooLarge() *Problem {
	return kindTooLarge.problem(fmt.Sprintf("want at most %d bytes", maxBody))
}

// fail answers with a problem.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	p.RequestID = exchangeOf(r.Context()).noteFailure(err)
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(p) // who does not listen any more is told nothing
}
