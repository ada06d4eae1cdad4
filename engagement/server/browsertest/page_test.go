package browsertest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

var (
	browser *Browser // nil: none is installed
	demo    *Demo
)

// axe is the source of axe-core, which is had while other tests run.
var axe = make(chan axeSource, 1)

type axeSource struct {
	text string
	err  error
}

const (
	mustRun  = "ENGAGEMENT_TEST_BROWSER_MUST_RUN" // 1: a browser that is missing fails the tests
	perTest  = 60 * time.Second
	ordinary = 1180 // the width of a window
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	browser, err = Open(ctx)
	if errors.Is(err, ErrNoBrowser) && os.Getenv(mustRun) != "1" {
		fmt.Fprintf(os.Stderr, "the page is not looked at: %v\n", err)
		return 0, nil
	}
	if err != nil {
		return 1, err
	}
	defer browser.Close()
	folder, err := os.MkdirTemp("", "browsertest-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	var fetching sync.WaitGroup
	fetching.Go(func() {
		text, err := readAxe(ctx, folder)
		axe <- axeSource{text, err}
	})
	defer fetching.Wait()
	if demo, err = Serve(ctx, "../../..", folder); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, demo.Close()) }()
	return m.Run(), nil
}

// readAxe returns the source of axe-core, which npm has. It is no part of the project.
func readAxe(ctx context.Context, folder string) (string, error) {
	pack := exec.CommandContext(ctx, "npm", "pack", "--silent", "axe-core@4.11.0")
	pack.Dir = folder
	if out, err := pack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack axe-core: %w %s", err, out)
	}
	file, err := os.Open(filepath.Join(folder, "axe-core-4.11.0.tgz"))
	if err != nil {
		return "", err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return "", err
	}
	for archive := tar.NewReader(unzipped); ; {
		entry, err := archive.Next()
		if err != nil {
			return "", fmt.Errorf("find axe.min.js: %w", err)
		}
		if entry.Name == "package/axe.min.js" {
			source, err := io.ReadAll(archive)
			return string(source), err
		}
	}
}

// visitor is a test's tab.
type visitor struct {
	*Tab
	t *testing.T
}

// visit opens a tab, and fails the test if the browser complains of a page.
func visit(t *testing.T, width int64) visitor {
	t.Helper()
	tab, err := browser.Tab(width, perTest)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if wrong := tab.Wrong(); len(wrong) > 0 {
			t.Errorf("the browser complains: %s", strings.Join(wrong, "\n"))
		}
		tab.Close()
	})
	return visitor{tab, t}
}

func (v visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := v.Do(actions...); err != nil {
		v.t.Fatal(err)
	}
}

// to goes to a page and waits until it shows a heading.
func (v visitor) to(path string) {
	v.t.Helper()
	v.do(chromedp.Navigate(demo.URL + path))
	v.until(Loaded)
}

// value returns what an expression comes to on the page.
func value[T any](v visitor, expression string) T {
	v.t.Helper()
	got, err := chromedp.Run(v.Context, chromedp.Evaluate[T](expression))
	if err != nil {
		v.t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// until waits for an expression to become true.
func (v visitor) until(expression string) {
	v.t.Helper()
	if err := v.Until(expression); err != nil {
		v.t.Fatal(err)
	}
}

func (v visitor) heading() string {
	v.t.Helper()
	return value[string](v, `document.querySelector("h1").textContent`)
}

// logIn logs in with the demo's token, as people do.
func (v visitor) logIn() {
	v.t.Helper()
	v.to("/login")
	v.do(chromedp.SendKeys("#token", demo.Token+"\r"))
	v.until(`document.querySelector("h1")?.textContent === "Today"`)
}

// pages are those that people look at.
func pages(v visitor) []string {
	v.t.Helper()
	v.to("/boards")
	user := value[string](v, `new URL(document.querySelector("#board td.user a").href).pathname`)
	v.to("/s")
	signal := value[string](v, `new URL(document.querySelector("#signals td a").href).pathname`)
	return []string{
		"/", "/boards?ranking=win_rate", "/boards?ranking=current_streak", "/s", signal, "/people", "/forecasts", "/m", "/m/daily_wins", "/house",
		user, user + "/versus?other=10001", user + "/explain/pnl", "/nothing",
	}
}

func TestLoggingInAndOut(t *testing.T) {
	v := visit(t, ordinary)
	v.to("/boards?ranking=pnl")
	if v.heading() != "Log in" {
		t.Fatalf("who is not known sees %q", v.heading())
	}
	v.do(chromedp.SendKeys("#token", "wrong\r"))
	v.until(Loaded + ` && document.querySelector("[role=alert]") !== null`)
	v.do(chromedp.SendKeys("#token", demo.Token+"\r"))
	v.until(`document.querySelector("h1")?.textContent === "P&L"`)
	v.do(chromedp.Click(`form[action$=logout] button`))
	v.until(`document.querySelector("h1")?.textContent === "Log in"`)
	v.to("/")
	if v.heading() != "Log in" {
		t.Errorf("after logging out one sees %q", v.heading())
	}
	if wrong := v.Wrong(); len(wrong) != 1 || !strings.Contains(wrong[0], "401") {
		t.Errorf("of the wrong token the browser says %q", wrong)
	}
	v.do(chromedp.Navigate(demo.Login))
	v.until(`document.querySelector("h1")?.textContent === "Today"`)
}

func TestAFireArrivesLive(t *testing.T) {
	v := visit(t, ordinary)
	v.logIn()
	v.until(`!document.querySelector("[data-status]").hidden`)
	shown := `Number(document.querySelector("[data-live=total_fires_today]").textContent.replace(",", ""))`
	before := value[int](v, shown)
	fire(t, fmt.Sprintf(`{"user_id": 77, "signal_id": "LIVE_%d", "executed": true}`, time.Now().UnixNano()))
	v.until(fmt.Sprintf("%s === %d", shown, before+1))
	if value[string](v, `document.querySelector("[data-live=most]").textContent.trim()`) == "" {
		t.Error("no signal is the most fired")
	}
}

// fire sends a fire as a bot does.
func fire(t *testing.T, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, demo.URL+"/v1/fires", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+demo.Token)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(response.Body)
		t.Fatalf("%s: %s", response.Status, text)
	}
}

// board returns the users of a board in order, as the HTTP API lists them.
func board(t *testing.T, ranking string) (users []string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, demo.URL+"/v1/boards/"+ranking+"?limit=1000", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+demo.Token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page struct {
		Items []struct {
			UserID json.Number `json:"user_id"`
		} `json:"items"`
		Next string `json:"next"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil || answer.StatusCode != http.StatusOK || page.Next != "" {
		t.Fatalf("the board of %s comes with %s, next %q: %v", ranking, answer.Status, page.Next, err)
	}
	for _, row := range page.Items {
		users = append(users, row.UserID.String())
	}
	return users
}

func TestPagingThroughABoard(t *testing.T) {
	v := visit(t, ordinary)
	v.logIn()
	v.to("/boards?ranking=pnl")
	var seen []string
	pages := 1
	for ; ; pages++ {
		seen = append(seen, value[[]string](v, `[...document.querySelectorAll("#board td.user")].map((e) => e.textContent)`)...)
		if !value[bool](v, `document.querySelector("a[rel=next]") !== null`) {
			break
		}
		was := value[string](v, "location.href")
		v.do(chromedp.Click("a[rel=next]"))
		v.until(fmt.Sprintf(`location.href !== %q && document.querySelector("#board") !== null && %s`, was, Loaded))
	}
	if diff := cmp.Diff(board(t, "pnl"), seen); diff != "" || pages < 3 {
		t.Errorf("%d pages show others than the API (-API +pages):\n%s", pages, diff)
	}
	last := seen[len(seen)-1]
	v.do(chromedp.SendKeys("#user", last+"\r"))
	v.until(fmt.Sprintf(`document.querySelector("#around tr.here td.user")?.textContent === %q`, last))
}

func TestDefiningAMetric(t *testing.T) {
	v := visit(t, ordinary)
	v.logIn()
	v.to("/m")
	define := func(text string) {
		t.Helper()
		v.do(chromedp.SetValue("#definition", text), chromedp.Click("form[action$=m] button"))
	}
	define(`{"name": "night_owls", "what": "everything"}`)
	v.until(Loaded + ` && document.querySelector("[role=alert]") !== null`)
	if wrong := v.Wrong(); len(wrong) != 1 || !strings.Contains(wrong[0], "400") {
		t.Errorf("of the wrong definition the browser says %q", wrong)
	}
	if got := value[string](v, `document.querySelector("#definition").value`); !strings.Contains(got, "everything") {
		t.Errorf("the form comes back with %q", got)
	}
	define(`{"name": "night_owls", "what": "count", "of": "fires", "per": "user"}`)
	v.until(`document.querySelector("h1")?.textContent === "night_owls"`)
	if n := value[int](v, `document.querySelectorAll("#values tbody tr").length`); n != 50 {
		t.Errorf("it has %d values on its first page", n)
	}
	v.do(chromedp.Click("button.danger"))
	v.until(`document.querySelector("h1")?.textContent === "Metrics" && !document.body.textContent.includes("night_owls")`)
}

func TestDarkWhereTheSystemIs(t *testing.T) {
	v := visit(t, ordinary)
	v.logIn()
	brightness := func() int {
		t.Helper()
		return value[int](v, `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)`)
	}
	light := brightness()
	v.do(Dark(true))
	if dark := brightness(); light < 3*230 || dark > 3*40 {
		t.Errorf("the paper is %d in the light and %d in the dark, of %d", light, dark, 3*255)
	}
}

func TestNoPageIsWiderThanAPhone(t *testing.T) {
	v := visit(t, Phone)
	v.logIn()
	for _, page := range pages(v) {
		v.to(page)
		if width := value[int](v, "document.documentElement.scrollWidth"); width > Phone {
			t.Errorf("%s is %d wide: %s", page, width, value[string](v, `[...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .calendar")).slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join("\n")`))
		}
		if small := value[[]string](v, `[...document.querySelectorAll(".top a, .choice a, button")].filter((e) => e.getBoundingClientRect().height > 0 && e.getBoundingClientRect().height < 24).map((e) => e.textContent)`); len(small) > 0 {
			t.Errorf("%s: too small for a finger: %q", page, small)
		}
	}
	expectMissing(v)
}

// expectMissing takes back the complaint of the page that there is not.
func expectMissing(v visitor) {
	v.t.Helper()
	wrong := slices.DeleteFunc(v.Wrong(), func(text string) bool { return strings.Contains(text, "404") && strings.Contains(text, "/nothing") })
	if len(wrong) > 0 {
		v.t.Errorf("the browser complains: %s", strings.Join(wrong, "\n"))
	}
}

func TestEverythingIsThereWithoutJavaScript(t *testing.T) {
	v := visit(t, ordinary)
	v.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
	v.logIn()
	for _, page := range pages(v) {
		v.to(page)
		if text := value[string](v, `document.querySelector("main").innerText`); page != "/nothing" && len(text) < 100 {
			t.Errorf("%s shows %q", page, text)
		}
		for _, later := range value[[]string](v, `[...document.querySelectorAll("[data-later] a")].map((e) => new URL(e.href).pathname + new URL(e.href).search)`) {
			v.to(later)
			if !value[bool](v, `document.querySelector("[data-part]") !== null`) {
				t.Errorf("%s shows nothing", later)
			}
		}
	}
	v.to("/")
	if !value[bool](v, `document.querySelector("[data-status]").hidden`) {
		t.Error("a script ran")
	}
	expectMissing(v)
}

func TestScreenReadersAndKeyboardsFindTheirWay(t *testing.T) {
	source := <-axe
	if source.err != nil {
		t.Skipf("axe-core could not be had: %v", source.err)
	}
	v := visit(t, ordinary)
	v.logIn()
	for _, page := range append(pages(v), "/login") {
		v.to(page)
		v.until(`document.querySelector("[data-later]") === null`)
		for _, dark := range []bool{false, true} {
			v.do(Dark(dark))
			checkAxe(v, source.text, fmt.Sprintf("%s, dark %v", page, dark), dark)
		}
		v.do(Dark(false))
	}
	v.do(Screen(Phone))
	v.to("/")
	checkAxe(v, source.text, "/ on a phone", false)
	expectMissing(v)
}

// checkAxe fails the test if axe-core finds something serious, of colours alone or of
// anything.
func checkAxe(v visitor, axe, what string, coloursAlone bool) {
	v.t.Helper()
	rules := ""
	if coloursAlone {
		rules = `runOnly: ["color-contrast", "link-in-text-block"], `
	}
	ask := `axe.run(document, {` + rules + `resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.filter((x) => x.impact === "serious" || x.impact === "critical")
		.map((x) => ({id: x.id, help: x.help, nodes: x.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + n.any.map((a) => a.message).join("; "))}))))`
	if value[bool](v, `typeof axe === "undefined"`) {
		value[any](v, axe+"; null")
	}
	text, err := chromedp.Run(v.Context, chromedp.Evaluate[string](ask, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatalf("%s: %v", what, err)
	}
	if text != "[]" {
		var out bytes.Buffer
		_ = json.Indent(&out, []byte(text), "", "  ")
		v.t.Errorf("%s: %s", what, out.String())
	}
}
