package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/klauspost/compress/gzhttp"

	"github.com/hydraxdev/engagementdb/engagement"
)

// newAPI returns huma's part of the server: it reads parameters and knows the
// OpenAPI document. What it has as global settings is set here for this API alone.
func newAPI(s *Server) huma.API {
	json := huma.DefaultJSONFormat
	return huma.NewAPI(huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "engagementdb", Version: "1",
				Description: "What an engagement database knows of a trading-signal community. Times are RFC 3339 in UTC, " +
					"days those of the database's time zone. Lists come in pages: the next is at the Link with rel=\"next\".",
			},
			Components: &huma.Components{
				Schemas: newRegistry(),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer", Description: "made by: engagement token create"},
					"telegram": {
						Type: "apiKey", In: "header", Name: "Authorization",
						Description: "tma INITDATA: the init data of a Telegram Mini App",
					},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": json, "json": json},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{problems},
	}, adapter{s})
}

// adapter registers huma's operations with the server's routes.
type adapter struct{ s *Server }

func (a adapter) Handle(op *huma.Operation, handle func(huma.Context)) {
	limit := usualTime
	if long, _ := op.Metadata["long"].(bool); long {
		limit = longestTime
	}
	a.s.handle(op.Method+" "+op.Path, op.Metadata["access"].(access), limit, op.RequestBody != nil,
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handle(&operationContext{humaContext: humago.NewContext(op, r, w)})
		}))
}

func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.s.ServeHTTP(w, r) }

// compressed is of a constant, which is right.
var compressed, _ = gzhttp.NewWrapper(gzhttp.MinSize(1024))

// handle adds a route.
func (s *Server) handle(pattern string, a access, limit time.Duration, takesBody bool, h http.Handler) {
	s.mux.Handle(pattern, s.guarded(a, limit, takesBody, compressed(h)))
}

// operationContext lets a problem say which status an answer has.
type operationContext struct {
	humaContext
	status int // 0: what huma says
}

type humaContext huma.Context // which has a method Context

func (c *operationContext) SetStatus(status int) {
	if c.status != 0 {
		status = c.status
	}
	c.humaContext.SetStatus(status)
}

// problems makes problems of the server's own of what huma refuses by itself.
func problems(ctx huma.Context, _ string, v any) (any, error) {
	e := exchangeOf(ctx.Context())
	p, ok := v.(*Problem)
	if refused, isHuma := v.(*huma.ErrorModel); isHuma {
		p, ok = refusal(refused), true
		e.noteFailure(p)
	}
	if !ok {
		return v, nil
	}
	p.RequestID = e.id
	ctx.SetHeader("Cache-Control", "no-store")
	if c, ok := ctx.(*operationContext); ok {
		c.status = p.Status
	}
	return p, nil
}

// operation describes a route for the OpenAPI document.
type operation struct {
	method, path, id string
	access           access
	tag, summary     string
	long             bool // it may look at everything
	stream           bool // what it writes is sent at once
	status           []int
}

func (s *Server) describe(o operation, schema *huma.Schema) huma.Operation {
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Summary: o.summary, Tags: []string{o.tag},
		Description: "Access: " + string(o.access) + ".",
		Metadata:    map[string]any{"access": o.access, "long": o.long},
		Security:    security(o.access),
		Responses: map[string]*huma.Response{
			"default": {Description: "A problem", Content: map[string]*huma.MediaType{
				problemType: {Schema: schemaOf[Problem](s.api.OpenAPI().Components.Schemas)},
			}},
		},
		MaxBodyBytes: maxBody, SkipValidateBody: true,
	}
	if len(o.status) == 0 {
		o.status = []int{http.StatusOK}
	}
	op.DefaultStatus = o.status[0]
	for _, status := range o.status {
		op.Responses[fmt.Sprint(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
	}
	if o.method == http.MethodGet {
		op.Responses["304"] = &huma.Response{Description: "What has the given ETag has not changed"}
		op.Responses["200"].Headers = map[string]*huma.Param{
			"ETag": {Schema: &huma.Schema{Type: huma.TypeString}},
			"Link": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "of a list: where its next page is"},
		}
	}
	return op
}

func security(a access) []map[string][]string {
	token, telegram, none := map[string][]string{"token": {}}, map[string][]string{"telegram": {}}, map[string][]string{}
	switch a {
	case everybody:
		return []map[string][]string{none}
	case anyToken, seenByAll, userPage:
		return []map[string][]string{token, telegram, none}
	case ownFacts, userConsent:
		return []map[string][]string{token, telegram}
	}
	return []map[string][]string{token}
}

// plain registers an operation that huma has no part in, of which the document only
// tells: its answer of a type and, if not nil, a schema.
func (s *Server) plain(o operation, media string, schema *huma.Schema, answer http.HandlerFunc) {
	o.method = http.MethodGet
	op := s.describe(o, schema)
	delete(op.Responses, "304")
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{media: {Schema: schema}}}
	if strings.Contains(o.path, "{user}") {
		id := &huma.Schema{Type: huma.TypeInteger, Format: "int64"}
		op.Parameters = []*huma.Param{{Name: "user", In: "path", Required: true, Description: "a user's id", Schema: id}}
	}
	s.api.OpenAPI().AddOperation(&op)
	limit := usualTime
	if o.long {
		limit = longestTime
	}
	if o.stream {
		s.mux.Handle(o.method+" "+o.path, s.guarded(o.access, limit, false, answer))
		return
	}
	s.handle(o.method+" "+o.path, o.access, limit, false, answer)
}

// text is the schema of what is no JSON.
func text() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

// read registers an operation that answers a question.
func read[I, T any](s *Server, o operation, answer func(context.Context, *I) (T, error)) {
	readOn(s, o, answer, func(T) engagement.Cursor { return "" })
}

// list registers an operation that answers with a page of a list.
func list[I, T any](s *Server, o operation, answer func(context.Context, *I) (engagement.Page[T], error)) {
	readOn(s, o, answer, func(p engagement.Page[T]) engagement.Cursor { return p.Next })
}

// readOn registers an operation whose answer may go on at a cursor.
func readOn[I, T any](s *Server, o operation, answer func(context.Context, *I) (T, error), next func(T) engagement.Cursor) {
	o.method = http.MethodGet
	huma.Register(s.api, s.describe(o, schemaOf[T](s.api.OpenAPI().Components.Schemas)),
		func(ctx context.Context, in *I) (*reply, error) {
			value, err := answer(ctx, in)
			if err != nil {
				return nil, failed(ctx, err)
			}
			return current(ctx, value, next(value))
		})
}

// write registers an operation that changes something.
func write[I, T any](s *Server, o operation, change func(context.Context, *I) (T, error)) {
	huma.Register(s.api, s.describe(o, schemaOf[T](s.api.OpenAPI().Components.Schemas)),
		func(ctx context.Context, in *I) (*reply, error) {
			value, err := change(ctx, in)
			if err != nil {
				return nil, failed(ctx, err)
			}
			return done(ctx, http.StatusOK, value)
		})
}

// takes says what a registered operation's body is. huma has no words for JSON that
// it does not decode itself.
func (s *Server) takes(method, path string, schema *huma.Schema) {
	item := s.api.OpenAPI().Paths[path]
	of := map[string]*huma.Operation{http.MethodPost: item.Post, http.MethodPut: item.Put}[method]
	of.RequestBody.Content["application/json"].Schema = schema
}

// document returns the OpenAPI document.
func document(api huma.API) ([]byte, error) {
	settle(api.OpenAPI().Components.Schemas)
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(api.OpenAPI())
	return text.Bytes(), err
}
