package server

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// canvas is a picture that is being drawn.
type canvas struct {
	*image.RGBA
	fonts map[weight]*sfnt.Font
}

type weight int

const (
	regular weight = iota
	medium
	bold
)

type align bool

const (
	alignLeft  align = false
	alignRight align = true
)

// cardFonts are the fonts of the Go project, which are compiled in.
var cardFonts = sync.OnceValues(func() (map[weight]*sfnt.Font, error) {
	fonts := map[weight]*sfnt.Font{}
	for w, data := range map[weight][]byte{regular: goregular.TTF, medium: gomedium.TTF, bold: gobold.TTF} {
		parsed, err := opentype.Parse(data)
		if err != nil {
			return nil, err
		}
		fonts[w] = parsed
	}
	return fonts, nil
})

func newCanvas(width, height int, paper color.Color, fonts map[weight]*sfnt.Font) *canvas {
	c := &canvas{image.NewRGBA(image.Rect(0, 0, width, height)), fonts}
	draw.Draw(c, c.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	return c
}

// box fills a rectangle with round corners.
func (c *canvas) box(x, y, width, height, radius int, tone color.Color) {
	r := vector.NewRasterizer(width, height)
	w, h, o := float32(width), float32(height), float32(radius)
	r.MoveTo(o, 0)
	r.LineTo(w-o, 0)
	r.QuadTo(w, 0, w, o)
	r.LineTo(w, h-o)
	r.QuadTo(w, h, w-o, h)
	r.LineTo(o, h)
	r.QuadTo(0, h, 0, h-o)
	r.LineTo(0, o)
	r.QuadTo(0, 0, o, 0)
	r.ClosePath()
	r.Draw(c, image.Rect(x, y, x+width, y+height), image.NewUniform(tone), image.Point{})
}

// text writes a line in at most so much width, smaller if that is what it takes, and cut
// if it would be too small to be read. It returns where the line ends.
func (c *canvas) text(x, baseline int, size float64, w weight, tone color.Color, to align, line string, width int) (end int) {
	const smallest = 20
	var face font.Face
	for {
		var err error
		if face, err = opentype.NewFace(c.fonts[w], &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone}); err != nil {
			return x // no face has no size
		}
		if font.MeasureString(face, line).Ceil() <= width || size*0.9 < smallest {
			break
		}
		size *= 0.9
	}
	defer face.Close()
	runes := []rune(line)
	for len(runes) > 1 && font.MeasureString(face, line).Ceil() > width {
		runes = runes[:len(runes)-1]
		line = string(runes) + "…"
	}
	if to == alignRight {
		x -= font.MeasureString(face, line).Ceil()
	}
	d := font.Drawer{Dst: c, Src: image.NewUniform(tone), Face: face, Dot: fixed.P(x, baseline)}
	d.DrawString(line)
	return d.Dot.X.Ceil()
}

// png writes the picture with few colours, which makes it small: those of its tones and
// steps from the paper to each, where their edges are.
func (c *canvas) png(w io.Writer, paper color.RGBA, tones ...color.RGBA) error {
	const steps = 31
	palette := color.Palette{paper}
	for _, tone := range tones {
		for i := 1; i <= steps; i++ {
			mix := func(from, to uint8) uint8 { return uint8((int(from)*(steps-i) + int(to)*i) / steps) }
			palette = append(palette, color.RGBA{mix(paper.R, tone.R), mix(paper.G, tone.G), mix(paper.B, tone.B), 0xff})
		}
	}
	few := image.NewPaletted(c.Bounds(), palette)
	nearest := map[color.RGBA]uint8{}
	last, place := paper, uint8(0)
	for i := range few.Pix {
		pixel := color.RGBA{c.Pix[4*i], c.Pix[4*i+1], c.Pix[4*i+2], 0xff}
		if pixel != last {
			known := false
			if place, known = nearest[pixel]; !known {
				place = uint8(palette.Index(pixel))
				nearest[pixel] = place
			}
			last = pixel
		}
		few.Pix[i] = place
	}
	return png.Encode(w, few)
}
