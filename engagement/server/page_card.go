package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hydraxdev/engagementdb/engagement"
)

// card is what the picture of a user shows.
type card struct {
	Design    int // changes when the drawing does
	Community string
	Day       engagement.Day
	User      int64
	Streak    int64
	Longest   int64
	Kinds     map[engagement.Day]engagement.StreakDayKind
	Rank      int64 // by fires; 0: none
	Users     int64
	Fires     int64
	Executed  int64
	Wins      int64
	Losses    int64
}

const (
	cardsAtOnce = 2               // pictures that are drawn at the same time
	cardWait    = 2 * time.Second // how long a request waits for its turn
	cardsKept   = 200             // pictures in memory, of some 20 KB each
)

// cards are pictures that were drawn, by their tags.
type cards struct {
	turns chan struct{}
	mu    sync.Mutex
	drawn map[string][]byte
}

func newCards() *cards {
	return &cards{turns: make(chan struct{}, cardsAtOnce), drawn: map[string][]byte{}}
}

func (s *Server) addCard() {
	of := operation{
		path: "/u/{user}/card.png", id: "get-card", access: anyToken, tag: "users",
		summary: "A picture of a user's streak and standing to share, of 1200×630; not found unless the user has agreed that everybody may see the user's own figures",
	}
	s.plain(of, "image/png", &huma.Schema{Type: huma.TypeString, Format: "binary"}, s.card)
	responses := s.api.OpenAPI().Paths[of.path].Get.Responses
	responses["304"] = &huma.Response{Description: "What has the given ETag has not changed"}
}

// card answers with a user's picture. That a user is not known and has not agreed are
// told alike.
func (s *Server) card(w http.ResponseWriter, r *http.Request) {
	c, err := s.cardOf(r)
	if errors.Is(err, engagement.ErrNotFound) {
		err = kindNotFound.problem("there is no picture of this user: it is made of users who have agreed to be seen")
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	tag, err := c.tag()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	if s.public {
		h.Set("Cache-Control", "public, max-age=300")
	}
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	picture, err := s.cards.picture(r.Context(), tag, c.draw)
	if err != nil {
		h.Del("ETag")
		s.fail(w, r, err)
		return
	}
	h.Set("Content-Type", "image/png")
	h.Set("Content-Length", strconv.Itoa(len(picture)))
	_, _ = w.Write(picture) // who does not listen any more is told nothing
}

// cardOf returns what a user's picture shows, or ErrNotFound unless the user has agreed
// to be seen and the caller may see the user.
func (s *Server) cardOf(r *http.Request) (c card, err error) {
	user, err := parseUser(r.PathValue("user"))
	if err != nil {
		return c, err
	}
	may, err := s.allows(r.Context(), userPage, exchangeOf(r.Context()).caller, user)
	if err != nil {
		return c, err
	}
	c = card{Design: 1, Community: s.name, User: user, Kinds: map[engagement.Day]engagement.StreakDayKind{}}
	return c, s.db.View(r.Context(), func(reader *engagement.Reader) error {
		public, err := reader.IsPublic(r.Context(), user)
		if err == nil && !(public && may) {
			err = engagement.ErrNotFound
		}
		if err != nil {
			return err
		}
		return c.read(r.Context(), reader)
	})
}

func (c *card) read(ctx context.Context, r *engagement.Reader) error {
	streak, err := r.Streak(ctx, c.User)
	if err != nil {
		return err
	}
	days, err := r.StreakDays(ctx, c.User)
	if err != nil {
		return err
	}
	c.Day, c.Streak, c.Longest = r.Today(), streak.Current, streak.Longest
	for _, d := range days {
		if d.Day >= c.firstDay() {
			c.Kinds[d.Day] = d.Kind
		}
	}
	row, err := r.UserRank(ctx, engagement.Board{Ranking: engagement.ByFires}, c.User)
	if err != nil {
		return err
	}
	c.Rank, c.Fires, c.Executed, c.Wins, c.Losses = row.Rank, row.TotalFires, row.Executed, row.Wins, row.Losses
	c.Users, err = r.CountUsers(ctx)
	return err
}

func (c *card) tag() (string, error) {
	text, err := json.Marshal(c)
	sum := sha256.Sum256(text)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, err
}

// picture returns the picture with a tag. One that is not in memory is drawn when it is
// its turn; ErrBusy if that does not come.
func (c *cards) picture(ctx context.Context, tag string, draw func() ([]byte, error)) ([]byte, error) {
	find := func() []byte {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.drawn[tag]
	}
	if picture := find(); picture != nil {
		return picture, nil
	}
	ctx, cancel := context.WithTimeout(ctx, cardWait)
	defer cancel()
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("draw a picture: %w: others are being drawn", engagement.ErrBusy)
	}
	if picture := find(); picture != nil { // it was drawn meanwhile
		return picture, nil
	}
	picture, err := draw()
	if err != nil {
		return nil, fmt.Errorf("draw a picture: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.drawn) >= cardsKept {
		clear(c.drawn)
	}
	c.drawn[tag] = picture
	return picture, nil
}

// The colours of the page in the dark.
var (
	cardPaper = color.RGBA{0x16, 0x17, 0x16, 0xff}
	cardEmpty = color.RGBA{0x26, 0x29, 0x28, 0xff}
	cardRule  = color.RGBA{0x38, 0x3b, 0x36, 0xff}
	cardInk   = color.RGBA{0xf0, 0xed, 0xe6, 0xff}
	cardSoft  = color.RGBA{0xa9, 0xa5, 0x9b, 0xff}
	cardFired = color.RGBA{0x5a, 0xa6, 0xbd, 0xff}
	cardNew   = color.RGBA{0xd5, 0xa4, 0x49, 0xff}
	cardBrand = color.RGBA{0x1f, 0x5d, 0x73, 0xff}
)

const (
	cardWidth, cardHeight = 1200, 630
	cardMargin            = 72
	cardWeeks             = 15
	cardStep              = 32
)

func (c *card) firstDay() engagement.Day { return c.Day.WeekStart() - 7*(cardWeeks-1) }

// draw returns the picture as PNG.
func (c *card) draw() ([]byte, error) {
	fonts, err := cardFonts()
	if err != nil {
		return nil, err
	}
	p := newCanvas(cardWidth, cardHeight, cardPaper, fonts)
	const right = cardWidth - cardMargin

	p.box(cardMargin, 60, 44, 44, 10, cardBrand)
	for i, height := range []int{11, 20, 30} {
		p.box(cardMargin+9+10*i, 60+37-height, 6, height, 1, cardInk)
	}
	day := c.Day.Start(utc).Format("2 January 2006")
	p.text(right, 92, 24, medium, cardSoft, alignRight, day, 300)
	p.text(cardMargin+62, 93, 32, medium, cardInk, alignLeft, c.Community, 640)

	p.text(cardMargin, 190, 32, regular, cardSoft, alignLeft, "User "+strconv.FormatInt(c.User, 10), 560)
	tone := color.Color(cardNew)
	if c.Streak == 0 {
		tone = cardSoft
	}
	end := p.text(cardMargin-8, 392, 216, bold, tone, alignLeft, grouped(c.Streak), 400)
	p.text(end+26, 340, 36, medium, cardInk, alignLeft, plural(c.Streak, "day", "days"), 200)
	p.text(end+26, 388, 36, medium, cardInk, alignLeft, "in a row", 200)

	const left = right - cardWeeks*cardStep + 4
	for d := c.firstDay(); d <= c.Day; d++ {
		at := int(d - c.firstDay())
		tone := map[engagement.StreakDayKind]color.RGBA{engagement.ActiveDay: cardFired, engagement.FrozenDay: cardNew, engagement.RestDay: cardRule, engagement.OpenDay: cardRule}[c.Kinds[d]]
		if tone == (color.RGBA{}) {
			tone = cardEmpty
		}
		p.box(left+at/7*cardStep, 168+at%7*cardStep, cardStep-4, cardStep-4, 5, tone)
	}

	p.box(cardMargin, 446, right-cardMargin, 2, 0, cardRule)
	for i, f := range c.figures() {
		const wide = (right - cardMargin) / 4
		x := cardMargin + i*wide
		p.text(x, 492, 23, regular, cardSoft, alignLeft, f[0], wide-20)
		p.text(x, 546, 50, medium, cardInk, alignLeft, f[1], wide-20)
		p.text(x, 582, 23, regular, cardSoft, alignLeft, f[2], wide-20)
	}
	var out bytes.Buffer
	err = p.png(&out, cardPaper, cardEmpty, cardRule, cardInk, cardSoft, cardFired, cardNew, cardBrand)
	return out.Bytes(), err
}

// figures are those at the foot of the picture: name, value and note.
func (c *card) figures() [4][3]string {
	top := fmt.Sprintf("of %s, the top %d%%", grouped(c.Users), int(min(100, max(1, math.Ceil(100*float64(c.Rank)/float64(max(c.Users, 1)))))))
	rate := [3]string{"Win rate", "–", "no trade won or lost"}
	if decided := c.Wins + c.Losses; decided > 0 {
		rate[1], rate[2] = percent(float64(c.Wins)/float64(decided)), grouped(c.Wins)+" won, "+grouped(c.Losses)+" lost"
	}
	return [4][3]string{
		{"Rank by fires", "#" + grouped(c.Rank), top},
		{"Fires", grouped(c.Fires), grouped(c.Executed) + " executed"},
		rate,
		{"Longest streak", grouped(c.Longest), plural(c.Longest, "day", "days")},
	}
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
