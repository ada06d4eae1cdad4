// Command screenshots writes a picture of each page of the made-up community into a
// folder; run it with make screenshots.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hydraxdev/engagementdb/engagement/server/browsertest"
)

// shot is a picture of a page. Its path is one after logging in.
type shot struct {
	name, path string
	follow     string // the first link that this finds is followed first; "": none
	picture    bool   // the user's, of the page that was found
	dark       bool
	width      int64
	height     int64 // of what is shown; 0: all of it
}

const wide = 1180

var shots = []shot{
	{name: "today", width: wide},
	{name: "today-dark", width: wide, dark: true},
	{name: "today-phone", width: browsertest.Phone, height: 1500},
	{name: "boards", path: "boards?ranking=win_rate", width: wide, height: 900},
	{name: "signals", path: "s", width: wide, height: 900},
	{name: "signal", path: "s", follow: "#signals td a", width: wide},
	{name: "people", path: "people", width: wide},
	{name: "forecasts", path: "forecasts", width: wide},
	{name: "user", path: "boards", follow: "#board td.user a", width: wide, height: 1150},
	{name: "metrics", path: "m", width: wide},
	{name: "card", path: "boards?ranking=current_streak", follow: "#board td.user a", picture: true, width: wide},
	{name: "house", path: "house", width: wide},
}

func main() {
	root := flag.String("root", "../../..", "the `FOLDER` of the repository")
	only := flag.String("only", "", "the `NAME` of the one picture to make")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: screenshots [flags] FOLDER")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*root, flag.Arg(0), *only); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(root, folder, only string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	temporary, err := os.MkdirTemp("", "screenshots-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	demo, err := browsertest.Serve(ctx, root, temporary)
	if err != nil {
		return err
	}
	defer demo.Close()
	browser, err := browsertest.Open(ctx)
	if err != nil {
		return err
	}
	defer browser.Close()
	tab, err := browser.Tab(wide, 4*time.Minute)
	if err != nil {
		return err
	}
	defer tab.Close()
	if err := tab.Do(chromedp.Navigate(demo.Login), chromedp.WaitVisible("h1")); err != nil {
		return err
	}
	for _, s := range shots {
		if only != "" && only != s.name {
			continue
		}
		picture, err := s.take(tab, demo)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		name := filepath.Join(folder, s.name+".png")
		if err := os.WriteFile(name, picture, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d KB\n", name, (len(picture)+1023)/1024)
	}
	return nil
}

func (s shot) take(tab *browsertest.Tab, demo *browsertest.Demo) ([]byte, error) {
	if err := tab.Do(browsertest.Screen(s.width), browsertest.Dark(s.dark), chromedp.Navigate(demo.URL+"/"+s.path), chromedp.WaitVisible("h1")); err != nil {
		return nil, err
	}
	if s.follow != "" {
		if err := tab.Do(browsertest.Follow(s.follow)); err != nil {
			return nil, err
		}
	}
	if s.picture {
		at, err := chromedp.Run(tab.Context, chromedp.Location())
		if err != nil {
			return nil, err
		}
		return download(at+"/card.png", demo.Token)
	}
	if err := tab.Do(chromedp.WaitNotPresent("[data-later]"), chromedp.Sleep(300*time.Millisecond)); err != nil {
		return nil, err
	}
	picture, err := chromedp.Run(tab.Context, chromedp.FullScreenshot(100))
	if err != nil {
		return nil, err
	}
	whole, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	size := whole.Bounds()
	if s.height > 0 {
		size.Max.Y = min(size.Max.Y, int(s.height))
	}
	return few(whole, size)
}

// download returns what is at an address.
func download(url, token string) ([]byte, error) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

// few encodes a picture with its 256 most frequent colours, which makes it small.
func few(whole image.Image, size image.Rectangle) ([]byte, error) {
	frequent := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(whole.At(x, y)).(color.RGBA) }
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			frequent[at(x, y)]++
		}
	}
	var colours []color.RGBA
	for c := range frequent {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int { return frequent[b] - frequent[a] })
	var palette color.Palette
	for _, c := range colours[:min(len(colours), 256)] {
		palette = append(palette, c)
	}
	nearest := map[color.RGBA]uint8{}
	for _, c := range colours {
		nearest[c] = uint8(palette.Index(c))
	}
	picture := image.NewPaletted(size, palette)
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			picture.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, picture)
	return out.Bytes(), err
}
