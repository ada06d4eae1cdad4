package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// output is what a command that runs meanwhile has printed.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is a command that runs until it is interrupted.
type running struct {
	out, err  *output
	interrupt context.CancelFunc
	code      chan int
}

func begin(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{&output{}, &output{}, cancel, make(chan int, 1)}
	a := &app{now: time.Now}
	go func() { r.code <- a.run(ctx, args, strings.NewReader(""), r.out, r.err) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

// wait returns the first match in what was printed.
func (r *running) wait(t *testing.T, pattern string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(r.out.String()); found != nil {
			return found[1]
		}
	}
	t.Fatalf("waited for %s in vain; stdout %q, stderr %q", pattern, r.out, r.err)
	return ""
}

// stop interrupts the command and returns its exit code.
func (r *running) stop(t *testing.T) int {
	t.Helper()
	r.interrupt()
	select {
	case code := <-r.code:
		r.code <- code
		return code
	case <-time.After(30 * time.Second):
		t.Fatal("it does not stop")
		return 0
	}
}

func ask(t *testing.T, client *http.Client, url, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestServeAnswersUntilItIsInterrupted(t *testing.T) {
	path := sampleDB(t)
	token := decode[engagement.CreatedToken](t, mustRun(t, "token", "create", "bot", "--scope", "read", "--json", "--db", path)).Secret
	server := begin(t, "serve", "--db", path, "--addr", "127.0.0.1:0")
	url := server.wait(t, `listening at (http://127\.0\.0\.1:\d+)\n`)
	if code, text := ask(t, http.DefaultClient, url+"/v1/users/1", token); code != http.StatusOK || !strings.Contains(text, `"user_id":1`) {
		t.Errorf("a user: %d %s", code, text)
	}
	if code, _ := ask(t, http.DefaultClient, url+"/v1/users/1", ""); code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", code)
	}
	if code, text := ask(t, http.DefaultClient, url+"/metrics", token); code != http.StatusOK || !strings.Contains(text, `operation="summarize a user"`) {
		t.Errorf("the metrics do not know the database: %d %s", code, text)
	}
	streams := make(chan int, 1)
	go func() {
		code, _ := ask(t, http.DefaultClient, url+"/v1/live", token) // reads until the stream ends
		streams <- code
	}()
	for strings.Contains(metric(t, url, token, "engagement_live_streams"), " 0") {
		time.Sleep(2 * time.Millisecond)
	}
	if code := server.stop(t); code != exitOK {
		t.Errorf("exit code %d: %s", code, server.err)
	}
	if code := <-streams; code != http.StatusOK {
		t.Errorf("the stream: %d", code)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
		t.Error("it still listens")
	}
	if strings.Contains(server.err.String(), "no token yet") || strings.Contains(server.err.String(), token) {
		t.Errorf("stderr: %s", server.err)
	}
	mustRun(t, "verify", "--db", path)
}

func metric(t *testing.T, url, token, name string) string {
	t.Helper()
	_, text := ask(t, http.DefaultClient, url+"/metrics", token)
	return regexp.MustCompile("(?m)^" + name + " .*$").FindString(text)
}

func TestServeSaysWhatIsMissing(t *testing.T) {
	server := begin(t, "serve", "--db", sampleDB(t), "--addr", "0.0.0.0:0", "--json")
	server.wait(t, `("url": ".*")`)
	for _, want := range []string{"engagement token create", "--tls-cert"} {
		if !strings.Contains(server.err.String(), want) {
			t.Errorf("%q is missing: %s", want, server.err)
		}
	}
	public := begin(t, "serve", "--db", sampleDB(t), "--addr", "localhost:0", "--public")
	url := public.wait(t, `listening at (\S+)`)
	if public.err.String() != "" {
		t.Errorf("stderr: %s", public.err)
	}
	if code, text := ask(t, http.DefaultClient, url+"/v1/boards/pnl", ""); code != http.StatusOK {
		t.Errorf("a board: %d %s", code, text)
	}
}

func TestServeRefusesWhatCannotBe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := sampleDB(t)
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a database that there is not", []string{"--db", "nowhere.db"}, exitFailure, "there is no database"},
		{"an address that is taken", []string{"--db", path, "--addr", taken.Addr().String()}, exitFailure, "listen"},
		{"an origin that is none", []string{"--db", path, "--cors", "*"}, exitUsage, "origin"},
		{"a certificate without a key", []string{"--db", path, "--tls-cert", "x"}, exitUsage, "tls-key"},
		{"a certificate that there is not", []string{"--db", path, "--addr", "127.0.0.1:0", "--tls-cert", "x", "--tls-key", "y"}, exitFailure, "no such file"},
	} {
		r := run(t, append([]string{"serve"}, tt.args...)...)
		if r.code != tt.code || !strings.Contains(r.err, tt.says) {
			t.Errorf("%s: exit code %d, %s", tt.name, r.code, r.err)
		}
	}
}

func TestServeEncrypts(t *testing.T) {
	cert, key, pool := certificate(t)
	server := begin(t, "serve", "--db", sampleDB(t), "--addr", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--public")
	url := server.wait(t, `listening at (https://\S+)`)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	if code, text := ask(t, &http.Client{Transport: transport}, url+"/v1/today", ""); code != http.StatusOK {
		t.Errorf("today: %d %s", code, text)
	}
	if code := server.stop(t); code != exitOK {
		t.Errorf("exit code %d: %s", code, server.err)
	}
}

// certificate makes a certificate of this machine, and the pool that trusts it.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile, pool = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool()
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(certPEM)
	for file, text := range map[string][]byte{certFile: certPEM, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, pool
}

func TestTheDemoIsServedWithAToken(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	demo := begin(t, "demo", "--serve", "--addr", "127.0.0.1:0")
	url, token := demo.wait(t, `curl .* (http://\S+)/v1/today\n`), demo.wait(t, `TOKEN=(\S+)`)
	if code, text := ask(t, http.DefaultClient, url+"/v1/boards/pnl?limit=3", token); code != http.StatusOK || strings.Count(text, `"rank"`) != 3 {
		t.Errorf("a board: %d %s", code, text)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	if code, text := ask(t, browser, demo.wait(t, `(http://\S+/login\?once=\w+)`), ""); code != http.StatusOK || !strings.Contains(text, "logged in") {
		t.Errorf("the link: %d %s", code, text)
	}
	if code, text := ask(t, browser, url+"/", ""); code != http.StatusOK || !strings.Contains(text, "Most fired signals") {
		t.Errorf("then the page: %d %s", code, text)
	}
	if !strings.Contains(demo.out.String(), "FIRES A DAY") || strings.Contains(demo.out.String(), "Keep it with") {
		t.Errorf("it shows: %s", demo.out)
	}
	if code := demo.stop(t); code != exitOK {
		t.Errorf("exit code %d: %s", code, demo.err)
	}
	checkFiles(t, os.Getenv("TMPDIR"))
	programs := begin(t, "demo", "--serve", "--addr", "127.0.0.1:0", "--json")
	programs.wait(t, `("token": )`)
	var served servedDemo
	if err := json.Unmarshal([]byte(programs.out.String()), &served); err != nil || served.URL == "" || served.Token == "" || !strings.HasPrefix(served.Login, served.URL+"/login?once=") {
		t.Errorf("%v: %s", err, programs.out)
	}
}

func TestTokensAreMadeShownOnceAndRevoked(t *testing.T) {
	path := sampleDB(t)
	text := mustRun(t, "token", "create", "a bot", "--scope", "read,write", "--expires", "2026-03-01T00:00:00Z", "--db", path)
	secret, _, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(secret, "engagement_") || !strings.Contains(text, "a bot") {
		t.Errorf("it says %q", text)
	}
	page := decode[engagement.Page[engagement.Token]](t, mustRun(t, "token", "list", "--json", "--db", path))
	if len(page.Items) != 1 || page.Items[0].Name != "a bot" || page.Items[0].LastUsed != nil || page.Items[0].ExpiresAt == nil {
		t.Fatalf("the list has %+v", page.Items)
	}
	id := page.Items[0].ID
	list := mustRun(t, "token", "list", "--db", path)
	for _, want := range []string{id, "a bot", "read, write", "2026-03-01", "never"} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is missing in:\n%s", want, list)
		}
	}
	if strings.Contains(list, secret) || !strings.Contains(secret, id) {
		t.Errorf("the list shows the secret, or the id is not its beginning:\n%s", list)
	}
	if got := mustRun(t, "token", "revoke", id, "--db", path); got != "revoked: "+id+"\n" {
		t.Errorf("it says %q", got)
	}
	for _, args := range [][]string{
		{"token", "create", "x", "--db", path}, {"token", "create", "x", "--scope", "root", "--db", path},
		{"token", "create", "x", "--scope", "read", "--expires", "soon", "--db", path},
	} {
		if r := run(t, args...); r.code != exitUsage || !strings.Contains(r.err, "scope") && !strings.Contains(r.err, "expires") {
			t.Errorf("%v: exit code %d, %s", args, r.code, r.err)
		}
	}
	if r := run(t, "token", "revoke", id, "--db", path); r.code != exitFailure || !strings.Contains(r.err, "not found") {
		t.Errorf("revoked again: exit code %d, %s", r.code, r.err)
	}
}

func TestWhetherAUserIsPublicIsNoted(t *testing.T) {
	path := sampleDB(t)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"1"}, "not everybody may see the figures of user 1\n"},
		{[]string{"1", "yes"}, "everybody may see the figures of user 1\n"},
		{[]string{"1"}, "everybody may see the figures of user 1\n"},
		{[]string{"-7", "yes"}, "everybody may see the figures of user -7\n"},
		{[]string{"1", "no"}, "not everybody may see the figures of user 1\n"},
	} {
		if got := mustRun(t, append([]string{"public", "--db", path}, tt.args...)...); got != tt.want {
			t.Errorf("public %v: %q, want %q", tt.args, got, tt.want)
		}
	}
	if got := decode[publicOutput](t, mustRun(t, "public", "-7", "--json", "--db", path)); got != (publicOutput{-7, true}) {
		t.Errorf("JSON: %+v", got)
	}
	for _, tt := range []struct {
		args []string
		code int
	}{{[]string{"1", "maybe"}, exitUsage}, {[]string{"x"}, exitUsage}, {[]string{"99", "yes"}, exitFailure}, {nil, exitUsage}} {
		if r := run(t, append([]string{"public", "--db", path}, tt.args...)...); r.code != tt.code {
			t.Errorf("public %v: exit code %d, %s", tt.args, r.code, r.err)
		}
	}
}
