package engagement

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Scope is something that a [Token] allows. Its text is "read", "write", "admin"
// or, of [SelfScope], such as "self:12345".
type Scope string

// The scopes. Neither of read and write includes the other.
const (
	ScopeRead  Scope = "read"  // everything that a Reader answers
	ScopeWrite Scope = "write" // recording fires, trades and freezes, and what users have agreed to
	ScopeAdmin Scope = "admin" // everything
)

const selfScope = "self:"

// SelfScope is the scope of one user: the user's own figures, and the boards.
func SelfScope(userID int64) Scope { return Scope(selfScope + strconv.FormatInt(userID, 10)) }

// ParseScope reads a scope's text. Anything else is ErrInvalid.
func ParseScope(s string) (Scope, error) {
	scope := Scope(s)
	if user, isSelf := scope.User(); isSelf {
		return SelfScope(user), checkUserID(user)
	}
	switch scope {
	case ScopeRead, ScopeWrite, ScopeAdmin:
		return scope, nil
	}
	return "", invalid("scope", s, "want read, write, admin or self:USER")
}

// User returns the user of a scope of one user, and reports whether it is such a
// scope.
func (s Scope) User() (userID int64, isSelf bool) {
	text, isSelf := strings.CutPrefix(string(s), selfScope)
	userID, err := strconv.ParseInt(text, 10, 64)
	return userID, isSelf && err == nil
}

// Token lets whoever has its secret use the database over HTTP. Of the secret only a
// hash is stored.
type Token struct {
	ID        string     `json:"id"`   // the beginning of its secret, which may be shown
	Name      string     `json:"name"` // whose or what it is for
	Scopes    []Scope    `json:"scopes"`
	CreatedAt time.Time  `json:"created_at"` // UTC
	ExpiresAt *time.Time `json:"expires_at"` // UTC; nil: never
	LastUsed  *time.Time `json:"last_used"`  // UTC, may lag behind; nil: never
}

// Allows reports whether one of the token's scopes is this one, or admin.
func (t Token) Allows(scope Scope) bool {
	return slices.Contains(t.Scopes, scope) || slices.Contains(t.Scopes, ScopeAdmin)
}

// NewToken says what token to create.
type NewToken struct {
	Name      string    `json:"name"`                // as a signal id
	Scopes    []Scope   `json:"scopes"`              // at least one; the scope of one user must be the only one
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
}

// CreatedToken is a token with its secret, which cannot be shown again.
type CreatedToken struct {
	Token
	Secret string `json:"secret"`
}

// A secret is such as engagement_7kq2mzx4_… with 256 random bits.
const (
	secretPrefix  = "engagement_"
	tokenIDLength = 8
)

// neverUsed is the last use of a token that was never used.
var neverUsed = time.Unix(0, 0).UTC()

// CreateToken creates a token. A field of t that is missing or wrong is ErrInvalid.
func (db *DB) CreateToken(ctx context.Context, t NewToken) (CreatedToken, error) {
	return write(ctx, db, "create a token", once, func(w *writing) (CreatedToken, error) {
		row, secret, err := w.newToken(t)
		if err != nil {
			return CreatedToken{}, err
		}
		if err := w.q.InsertToken(ctx, dbgen.InsertTokenParams(row)); err != nil {
			return CreatedToken{}, err
		}
		token, err := storedToken(row)
		return CreatedToken{token, secret}, err
	})
}

func (w *writing) newToken(t NewToken) (row dbgen.ApiToken, secret string, err error) {
	if err := checkID("token name", t.Name); err != nil {
		return row, "", err
	}
	scopes, user, err := checkScopes(t.Scopes)
	if err != nil {
		return row, "", err
	}
	expires := endOfTime
	if !t.ExpiresAt.IsZero() {
		if expires = stored(t.ExpiresAt); !expires.After(w.now) || expires.After(endOfTime) {
			return row, "", invalid("expiry", t.ExpiresAt.Format(time.RFC3339), "want a time that is to come, before the year 10000")
		}
	}
	row = dbgen.ApiToken{
		ID: strings.ToLower(rand.Text()[:tokenIDLength]), Name: t.Name, Scopes: scopes, UserID: user,
		CreatedAt: w.now, ExpiresAt: expires, LastUsed: neverUsed,
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never fails
	secret = secretPrefix + row.ID + "_" + base64.RawURLEncoding.EncodeToString(random)
	row.Hash = hashOf(secret)
	return row, secret, nil
}

// checkScopes returns scopes in the form in which they are stored, and their user, if
// they are of one.
func checkScopes(scopes []Scope) (text string, user int64, err error) {
	if len(scopes) == 0 {
		return "", 0, invalid("scopes", nil, "want at least one of read, write, admin and self:USER")
	}
	var names []string
	for _, scope := range scopes {
		known, err := ParseScope(string(scope))
		if err != nil {
			return "", 0, err
		}
		if of, isSelf := known.User(); isSelf {
			if user = of; len(scopes) > 1 {
				return "", 0, invalid("scope", string(scope), "the scope of one user stands alone")
			}
		}
		names = append(names, string(known))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " "), user, nil
}

// scopesOf returns the scopes that are stored as this text, which may be none.
func scopesOf(text string) (scopes []Scope) {
	for _, name := range strings.Fields(text) {
		scopes = append(scopes, Scope(name))
	}
	return scopes
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// TokenOf returns the token with this secret. ErrNotFound, without saying why, if
// there is none, or if it has been revoked or has expired.
func (r *Reader) TokenOf(ctx context.Context, secret string) (Token, error) {
	return latest(ctx, r, "look up a token", func(v *view) (Token, error) {
		rest, ours := strings.CutPrefix(secret, secretPrefix)
		id, _, whole := strings.Cut(rest, "_")
		unknown := fmt.Errorf("token: %w", ErrNotFound)
		if !ours || !whole || len(id) != tokenIDLength || checkID("token id", id) != nil {
			return Token{}, unknown
		}
		row, err := v.q.GetToken(ctx, id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return Token{}, err
		}
		// If there is no token, its hash is "", which no secret has.
		if subtle.ConstantTimeCompare([]byte(row.Hash), []byte(hashOf(secret))) != 1 || !row.ExpiresAt.After(v.now) {
			return Token{}, unknown
		}
		return storedToken(row)
	})
}

// UseToken stores that a token was used now. It need not be called at each use. An
// unknown token is no error.
func (db *DB) UseToken(ctx context.Context, id string) error {
	_, err := write(ctx, db, "note the use of a token", idempotent, func(w *writing) (struct{}, error) {
		return struct{}{}, w.q.UseToken(ctx, dbgen.UseTokenParams{ID: id, LastUsed: w.now})
	})
	return err
}

// RevokeToken deletes a token, by its id, or returns ErrNotFound.
func (db *DB) RevokeToken(ctx context.Context, id string) error {
	_, err := write(ctx, db, "revoke a token", once, func(w *writing) (struct{}, error) {
		if err := checkID("token id", id); err != nil {
			return struct{}{}, err
		}
		deleted, err := w.q.DeleteToken(ctx, id)
		if err == nil && deleted == 0 {
			err = notFound("token", id)
		}
		return struct{}{}, err
	})
	return err
}

// Tokens lists all tokens by id, expired ones too; an empty page if there are none.
func (r *Reader) Tokens(ctx context.Context, q PageQuery) (Page[Token], error) {
	return latest(ctx, r, "list tokens", func(v *view) (Page[Token], error) {
		p, err := q.of("tokens", position{}, ascending)
		if err != nil {
			return Page[Token]{}, err
		}
		rows, err := v.q.TokensAfter(ctx, dbgen.TokensAfterParams{AfterID: p.after.text, MaxRows: p.rows()})
		if err != nil {
			return Page[Token]{}, err
		}
		rows, next, err := cut(p, rows, func(row dbgen.ApiToken) position { return position{text: row.ID} })
		if err != nil {
			return Page[Token]{}, err
		}
		tokens, err := storedTokens(rows)
		return Page[Token]{tokens, next}, err
	})
}

// tokensOf returns a user's own tokens, by id.
func (v *view) tokensOf(ctx context.Context, userID int64) ([]Token, error) {
	rows, err := v.q.UserTokens(ctx, userID)
	if err != nil {
		return nil, err
	}
	return storedTokens(rows)
}

func storedTokens(rows []dbgen.ApiToken) (tokens []Token, err error) {
	tokens = make([]Token, len(rows))
	for i, row := range rows {
		if tokens[i], err = storedToken(row); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

func storedToken(row dbgen.ApiToken) (Token, error) {
	t := Token{ID: row.ID, Name: row.Name, CreatedAt: row.CreatedAt}
	for _, name := range scopesOf(row.Scopes) {
		scope, err := ParseScope(string(name))
		if err != nil {
			return Token{}, fmt.Errorf("%w: token %q has the scopes %q", ErrCorrupt, row.ID, row.Scopes)
		}
		t.Scopes = append(t.Scopes, scope)
	}
	if row.ExpiresAt.Before(endOfTime) {
		t.ExpiresAt = &row.ExpiresAt
	}
	if row.LastUsed.Unix() > 0 {
		t.LastUsed = &row.LastUsed
	}
	return t, nil
}
