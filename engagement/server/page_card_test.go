package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// aCard is the picture of a user with a streak of three weeks.
func aCard() card {
	c := card{
		Design: 1, Community: "Alpha Signals", Day: 20784, User: 10387, Streak: 19, Longest: 25, Rank: 3, Users: 500, Fires: 70, Executed: 65, Wins: 26, Losses: 13,
		Kinds: map[engagement.Day]engagement.StreakDayKind{},
	}
	for d := c.Day - 20; d < c.Day; d++ {
		c.Kinds[d] = engagement.ActiveDay
	}
	c.Kinds[c.Day-6], c.Kinds[c.Day] = engagement.FrozenDay, engagement.OpenDay
	return c
}

func decoded(t testing.TB, picture []byte) image.Image {
	t.Helper()
	return must(png.Decode(bytes.NewReader(picture)))(t)
}

// drawnIn returns how many pixels of a part of a picture are not paper.
func drawnIn(picture image.Image, part image.Rectangle) (n int) {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if r, g, b, _ := picture.At(x, y).RGBA(); r>>8 != uint32(cardPaper.R) || g>>8 != uint32(cardPaper.G) || b>>8 != uint32(cardPaper.B) {
				n++
			}
		}
	}
	return n
}

func TestThePictureOfAUserIsDrawn(t *testing.T) {
	t.Parallel()
	c := aCard()
	text := must(c.draw())(t)
	if len(text) > 40<<10 {
		t.Errorf("it has %d bytes", len(text))
	}
	picture := decoded(t, text)
	same(t, "size", picture.Bounds(), image.Rect(0, 0, 1200, 630))
	for what, part := range map[string]image.Rectangle{
		"mark and community": image.Rect(72, 60, 500, 110), "day": image.Rect(900, 60, 1128, 110), "user": image.Rect(72, 160, 400, 200),
		"streak": image.Rect(72, 220, 400, 400), "calendar": image.Rect(650, 160, 1128, 400), "rank": image.Rect(72, 500, 330, 550),
		"fires": image.Rect(336, 500, 590, 550), "win rate": image.Rect(600, 500, 850, 550), "longest": image.Rect(864, 500, 1100, 550), "notes": image.Rect(72, 560, 1100, 590),
	} {
		if n := drawnIn(picture, part); n < 400 {
			t.Errorf("of %s there are %d pixels", what, n)
		}
	}
	for _, edge := range []image.Rectangle{image.Rect(0, 0, 1200, 56), image.Rect(0, 0, 60, 630), image.Rect(1132, 0, 1200, 630), image.Rect(0, 596, 1200, 630)} {
		same(t, fmt.Sprint("what is drawn at the edge ", edge), drawnIn(picture, edge), 0)
	}
	same(t, "drawn again", bytes.Equal(must(c.draw())(t), text), true)
	for what, change := range map[string]func(*card){
		"user": func(c *card) { c.User++ }, "community": func(c *card) { c.Community += "!" }, "streak": func(c *card) { c.Streak-- },
		"calendar": func(c *card) { delete(c.Kinds, c.Day-3) }, "day": func(c *card) { c.Day++ }, "rank": func(c *card) { c.Rank++ }, "users": func(c *card) { c.Users-- },
		"fires": func(c *card) { c.Fires++ }, "executed": func(c *card) { c.Executed++ }, "wins": func(c *card) { c.Wins++ }, "longest": func(c *card) { c.Longest++ },
	} {
		other := aCard()
		change(&other)
		if bytes.Equal(must(other.draw())(t), text) || must(other.tag())(t) == must(c.tag())(t) {
			t.Errorf("another %s has the same picture or tag", what)
		}
	}
}

func TestAPictureHasRoomForWhateverIsStored(t *testing.T) {
	t.Parallel()
	most := int64(1<<63 - 1)
	for name, c := range map[string]card{
		"nothing": {Day: 20784},
		"everything": {Day: 20784, Community: strings.Repeat("W", 60), User: -most - 1, Streak: most, Longest: most, Rank: most, Users: most, Fires: most,
			Executed: most, Wins: most / 2, Losses: most / 2},
		"markup":                      {Day: 20784, Community: `<script>alert("x")</script>`},
		"scripts that the font lacks": {Day: 20784, Community: "交易者 مجتمع 🚀\u202eabc"},
		"what is no text":             {Day: 20784, Community: "\xff\xfe\x00"},
	} {
		picture := decoded(t, must(c.draw())(t))
		same(t, name+": at the edge", drawnIn(picture, image.Rect(1132, 0, 1200, 630))+drawnIn(picture, image.Rect(0, 596, 1200, 630)), 0)
	}
}

func TestOnlyUsersWhoHaveAgreedHaveAPicture(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		community(t, db)
		closed, public := serve(t, db), serve(t, db, WithPublic(), WithName("Alpha Signals"))
		for _, tt := range []struct {
			name   string
			api    *api
			token  string
			user   string
			status int
		}{
			{"everybody, in public", public, "", "3", 200},
			{"everybody, of who has not agreed", public, "", "1", 404},
			{"everybody, of who is not known", public, "", "99", 404},
			{"everybody, of no id", public, "", "x", 400},
			{"everybody, of user 0", public, "", "0", 400},
			{"nobody that is known, where nothing is public", closed, "", "3", 401},
			{"who reads", closed, closed.token(engagement.ScopeRead), "3", 200},
			{"who reads, of who has not agreed", closed, closed.token(engagement.ScopeRead), "1", 404},
			{"the user, who has not agreed", closed, closed.token(engagement.SelfScope(1)), "1", 404},
			{"another user, where nothing is public", closed, closed.token(engagement.SelfScope(2)), "3", 404},
			{"who only writes", closed, closed.token(engagement.ScopeWrite), "3", 404},
		} {
			got := tt.api.send(tt.token, http.MethodGet, "/u/"+tt.user+"/card.png", "")
			if got.status != tt.status {
				t.Errorf("%s: %d, want %d: %s", tt.name, got.status, tt.status, got.body)
			}
			if kind, _ := got.problem(); (got.status == 200) != (got.header.Get("Content-Type") == "image/png") || (got.status != 200 && kind == "") {
				t.Errorf("%s: %s", tt.name, got.header.Get("Content-Type"))
			}
		}
		first := public.send("", http.MethodGet, "/u/3/card.png", "")
		tag := first.header.Get("ETag")
		again := public.send("", http.MethodGet, "/u/3/card.png", "", "If-None-Match", tag)
		same(t, "again", []any{again.status, again.body, again.header.Get("ETag")}, []any{http.StatusNotModified, "", tag})
		must(db.RecordFire(t.Context(), engagement.Fire{UserID: 3, SignalID: "NEW"}))(t)
		if later := public.send("", http.MethodGet, "/u/3/card.png", "", "If-None-Match", tag); later.status != 200 || later.body == first.body {
			t.Errorf("after a fire: %d", later.status)
		}
		noError(t, db.SetPublic(t.Context(), 3, false))
		same(t, "once it is taken back, with a tag", public.send("", http.MethodGet, "/u/3/card.png", "", "If-None-Match", tag).status, http.StatusNotFound)
	})
}

func TestAPublicUsersPageNamesThePicture(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	community(t, db)
	a := serve(t, db, WithPublic(), WithName(`A "B" <b>`))
	page := a.visit("", "/u/3").body
	for _, want := range []string{`<meta property="og:image" content="` + a.url + `/u/3/card.png">`, `href="../u/3/card.png"`, `<title>User 3 · A &#34;B&#34; &lt;b&gt;</title>`} {
		if !strings.Contains(page, want) {
			t.Errorf("without %s:\n%s", want, page)
		}
	}
	if other := a.visit(a.admin(), "/u/1").body; strings.Contains(other, "card.png") {
		t.Error("one who has not agreed has a picture")
	}
	mounted := httptest.NewRequest(http.MethodGet, "/some/where/u/3?x=1", nil)
	mounted.Header.Set("X-Forwarded-Proto", "https")
	w := httptest.NewRecorder()
	http.StripPrefix("/some/where", a.server).ServeHTTP(w, mounted)
	if !strings.Contains(w.Body.String(), `content="https://example.com/some/where/u/3/card.png"`) {
		t.Errorf("behind a proxy and under a path:\n%s", w.Body)
	}
}

func TestPicturesAreDrawnAFewAtATimeAndKept(t *testing.T) {
	t.Parallel()
	c := newCards()
	var mu sync.Mutex
	now, most, drawn := 0, 0, 0
	goOn, done := make(chan struct{}), sync.WaitGroup{}
	draw := func() ([]byte, error) {
		mu.Lock()
		now, drawn = now+1, drawn+1
		most = max(most, now)
		mu.Unlock()
		<-goOn
		mu.Lock()
		now--
		mu.Unlock()
		return []byte("x"), nil
	}
	for i := range 12 {
		done.Go(func() { must(c.picture(t.Context(), fmt.Sprint(i%4), draw))(t) })
	}
	waitUntil(t, func() bool { mu.Lock(); defer mu.Unlock(); return now == cardsAtOnce })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.picture(ctx, "other", draw)
	if !errors.Is(err, engagement.ErrBusy) {
		t.Errorf("without a turn: %v", err)
	}
	close(goOn)
	done.Wait()
	same(t, "at most at a time", most, cardsAtOnce)
	if drawn < 4 || drawn > 4*cardsAtOnce {
		t.Errorf("4 pictures were drawn %d times", drawn)
	}
	for i := range cardsKept + 1 {
		must(c.picture(t.Context(), fmt.Sprint("more", i), draw))(t)
	}
	if n := len(c.drawn); n > cardsKept {
		t.Errorf("%d are kept", n)
	}
}

func TestANameIsOneLine(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	for _, name := range []string{"", " x", "x ", "a\nb", "\x00", "\u202e", strings.Repeat("x", 61), "\xff"} {
		if _, err := New(db, WithName(name)); !errors.Is(err, engagement.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func BenchmarkCard(b *testing.B) {
	c := aCard()
	for b.Loop() {
		must(c.draw())(b)
	}
}
