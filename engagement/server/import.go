package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hydraxdev/engagementdb/engagement/importer"
)

// mostImport is how many bytes a file that is imported may have.
const mostImport = 256 << 20

// importParams are what can be said of a file, as the command's flags.
var importParams = []struct{ name, kind, doc string }{
	{"user", huma.TypeInteger, "whose trades they are; a column user_id of the file unless it is said"},
	{"timezone", huma.TypeString, "the zone of the times in the file, if they name none: such as Europe/Athens, UTC+3 or America/New_York+7"},
	{"format", huma.TypeString, "what the file is: freqtrade, mt5, mt4, myfxbook, ctrader or csv; its content shows it"},
	{"account", huma.TypeString, "the account in the ids of trades, in place of the one that the file names"},
	{"signal", huma.TypeString, "where a trade's signal stands: tag, comment, symbol or none"},
	{"columns", huma.TypeString, "which columns of a table are what: KEY=NAME, separated by commas"},
	{"fires", huma.TypeBoolean, "also record a fire for each trade with a signal"},
	{"dry_run", huma.TypeBoolean, "only say what would be recorded"},
	{"strict", huma.TypeBoolean, "record nothing unless every row can be recorded"},
}

func (s *Server) addImport() {
	o := operation{
		method: http.MethodPost, path: "/v1/import", id: "import", access: admins, tag: "upkeep", long: true,
		summary: "Bring in the trades of a file that a trading platform exported, which is the body. Repeating is safe: trades have keys.",
	}
	op := s.describe(o, schemaOf[importer.Summary](s.api.OpenAPI().Components.Schemas))
	for _, p := range importParams {
		op.Parameters = append(op.Parameters, &huma.Param{Name: p.name, In: "query", Description: p.doc, Schema: &huma.Schema{Type: p.kind}})
	}
	op.RequestBody = &huma.RequestBody{
		Required: true, Description: "the file as it is", Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		},
	}
	s.api.OpenAPI().AddOperation(&op)
	s.handle(o.method+" "+o.path, o.access, longestTime, false, http.HandlerFunc(s.importBody))
}

// importBody imports the body of a request as it comes.
func (s *Server) importBody(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	o, err := importOptions(query)
	for name := range query {
		if err == nil && !slices.ContainsFunc(importParams, func(p struct{ name, kind, doc string }) bool { return p.name == name }) {
			err = invalid(name, query.Get(name), "there is no such parameter")
		}
	}
	var summary importer.Summary
	if err == nil {
		summary, err = importer.Import(r.Context(), s.db, http.MaxBytesReader(w, r.Body, mostImport), o)
	}
	var text []byte
	if err == nil {
		text, err = encode(summary)
	}
	if err != nil {
		s.fail(w, r, importProblem(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(text) // who does not listen any more is told nothing
}

func importProblem(err error) error {
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return kindTooLarge.problem(fmt.Sprintf("want at most %d bytes", mostImport))
	}
	return err
}

// importOptions reads what is said of a file.
func importOptions(given url.Values) (o importer.Options, err error) {
	text := func(name string) string { return strings.TrimSpace(given.Get(name)) }
	if user := text("user"); user != "" {
		if o.User, err = strconv.ParseInt(user, 10, 64); err != nil {
			return o, invalid("user", user, "want a whole number")
		}
	}
	for name, into := range map[string]*bool{"fires": &o.Fires, "dry_run": &o.DryRun, "strict": &o.Strict} {
		if value := text(name); value != "" {
			if *into, err = strconv.ParseBool(value); err != nil {
				return o, invalid(name, value, "want true or false")
			}
		}
	}
	o.Account, o.TimeZone, o.MaxBytes = text("account"), text("timezone"), mostImport
	if o.Format, err = importer.ParseFormat(text("format")); err != nil {
		return o, err
	}
	if o.Signal, err = importer.ParseSignalFrom(text("signal")); err != nil {
		return o, err
	}
	o.Columns, err = importer.ParseColumns(text("columns"))
	return o, err
}
