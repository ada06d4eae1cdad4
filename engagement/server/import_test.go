package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/importer"
)

func report(t *testing.T, name string) string {
	t.Helper()
	return string(must(os.ReadFile("../importer/testdata/" + name))(t))
}

func TestExportsOfPlatformsAreBroughtIn(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		a := serve(t, db)
		send := func(query, body string) (importer.Summary, answer) {
			var summary importer.Summary
			got := a.send(a.admin(), http.MethodPost, "/v1/import?"+query, body, "Content-Type", "application/octet-stream")
			if got.status == http.StatusOK {
				noError(t, json.Unmarshal([]byte(got.body), &summary))
			}
			return summary, got
		}
		query := "user=7&timezone=Europe/Athens&signal=symbol&fires=true"
		for _, tt := range []struct {
			name, more           string
			recorded, duplicates int64
			trades               int
		}{{"to look", "&dry_run=true", 3, 0, 0}, {"indeed", "", 3, 0, 3}, {"again", "", 0, 3, 3}} {
			got, _ := send(query+tt.more, report(t, "mt5.csv"))
			same(t, tt.name, []any{got.Recorded, got.Duplicates, got.Unreadable, got.DryRun}, []any{tt.recorded, tt.duplicates, int64(1), tt.more != ""})
			same(t, tt.name+": trades", len(must(db.Trades(t.Context(), engagement.TradeFilter{UserID: 7}, engagement.PageQuery{}))(t).Items), tt.trades)
		}
		got, _ := send("columns="+url.QueryEscape("trade_id=a,user_id=b,pnl=c,closed_at=d"), "a;b;c;d\nx;8;1,50;2025-01-02T10:00:00Z\n")
		same(t, "a table", got.Recorded, int64(1))
		for _, tt := range []struct{ query, body, field string }{
			{"user=7", report(t, "mt5.csv"), "time zone"},
			{"user=x", "", "user"},
			{"user=7&fires=perhaps", "", "fires"},
			{"user=7&format=mt6", "", "format"},
			{"user=7&signal=x", "", "signal"},
			{"user=7&columns=x", "", "columns"},
			{"user=7&zone=UTC", "", "zone"},
			{"user=7", "hello", "file"},
			{"user=7&strict=true&timezone=Europe/Athens", report(t, "mt5.csv"), "file"},
		} {
			_, got := send(tt.query, tt.body)
			kind, field := got.problem()
			same(t, tt.query, []any{got.status, kind, field}, []any{http.StatusBadRequest, "invalid", tt.field})
		}
		if !must(db.Verify(t.Context()))(t).OK() {
			t.Error("the figures are wrong")
		}
	})
}

// drop sends a file as the House's form does.
func (a *api) drop(token, csrf string, fields map[string]string, name, file string) answer {
	a.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	noError(a.t, form.WriteField("csrf", csrf))
	for name, value := range fields {
		noError(a.t, form.WriteField(name, value))
	}
	part := must(form.CreateFormFile("file", name))(a.t)
	_ = must(fmt.Fprint(part, file))(a.t)
	noError(a.t, form.Close())
	return a.send("", http.MethodPost, "/house/import", body.String(), "Content-Type", form.FormDataContentType(), "Cookie", sessionCookie+"="+token)
}

func TestAFileIsDroppedOnTheHouse(t *testing.T) {
	t.Parallel()
	db := fileDB(t, atNoon())
	a := serve(t, db)
	admin := a.admin()
	zone := map[string]string{"user": "7", "timezone": "Europe/Athens"}
	house := a.visit(admin, "/house")
	if !strings.Contains(house.body, `action="./house/import" enctype="multipart/form-data"`) || !strings.Contains(house.body, `value="true" checked> only look`) {
		t.Errorf("the form:\n%s", house.body)
	}
	for _, tt := range []struct {
		name, csrf string
		fields     map[string]string
		file, text string
		status     int
		says       []string
	}{
		{"a report", csrfOf(admin), zone, "r.csv", report(t, "mt5.csv"), http.StatusOK, []string{
			"4 rows read; 3 recorded, 0 duplicates, 0 in conflict, 1 unreadable; P&amp;L 640.05.", "Total Net Profit 640.05: the same here",
			"<td class=\"num\">10</td><td>Time</td>", "clocks in Europe/Athens were put forward over it", `value="Europe/Athens"`,
		}},
		{"no file", csrfOf(admin), zone, "", "", http.StatusBadRequest, []string{"No file was chosen."}},
		{"no zone", csrfOf(admin), map[string]string{"user": "7"}, "r.csv", report(t, "mt5.csv"), http.StatusBadRequest, []string{"say which zone"}},
		{"no user", csrfOf(admin), map[string]string{"user": "me"}, "r.csv", report(t, "mt5.csv"), http.StatusBadRequest, []string{"want a whole number"}},
		{"markup", csrfOf(admin), zone, "r.csv", strings.Replace(report(t, "mt5.csv"), "2025.03.30 03:30:00", "<script>", 1), http.StatusOK, []string{"&lt;script&gt;"}},
		{"a form of yesterday", "x", zone, "r.csv", report(t, "mt5.csv"), http.StatusForbidden, []string{"out of date"}},
	} {
		got := a.drop(admin, tt.csrf, tt.fields, tt.file, tt.text)
		same(t, tt.name, got.status, tt.status)
		checkPage(t, tt.name, got)
		for _, says := range tt.says {
			if !strings.Contains(got.body, says) {
				t.Errorf("%s: it does not say %q:\n%s", tt.name, says, got.body)
			}
		}
	}
	reader := a.token(engagement.ScopeRead, engagement.ScopeWrite)
	same(t, "who may not", a.drop(reader, csrfOf(reader), zone, "r.csv", report(t, "mt5.csv")).status, http.StatusForbidden)
	same(t, "nobody", a.drop("", "", zone, "r.csv", "").status, http.StatusUnauthorized)
	same(t, "no form", a.send("", http.MethodPost, "/house/import", "{}", "Cookie", sessionCookie+"="+admin).status, http.StatusBadRequest)
	same(t, "trades", len(must(db.Trades(t.Context(), engagement.TradeFilter{UserID: 7}, engagement.PageQuery{}))(t).Items), 3)
}
