package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How old init data may be, and how far Telegram's clock may be ahead of ours.
const (
	telegramAge   = time.Hour
	telegramAhead = time.Minute
)

// telegramKey returns the key that Telegram signs the init data of a bot's Mini
// App with: https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
func telegramKey(botToken string) []byte { return signature([]byte("WebAppData"), botToken) }

func signature(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// telegramUser returns the user whose Mini App sent the init data, or an error that
// says why nobody can be sure of it.
func telegramUser(key []byte, initData string, now time.Time) (userID int64, err error) {
	fields, err := url.ParseQuery(initData)
	if err != nil {
		return 0, errors.New("it is not a query string")
	}
	var lines []string
	for name, values := range fields {
		if len(values) != 1 {
			return 0, errors.New("a field is there twice")
		}
		if name != "hash" {
			lines = append(lines, name+"="+values[0])
		}
	}
	slices.Sort(lines)
	given, err := hex.DecodeString(fields.Get("hash"))
	if err != nil || !hmac.Equal(given, signature(key, strings.Join(lines, "\n"))) {
		return 0, errors.New("its signature is wrong")
	}
	seconds, err := strconv.ParseInt(fields.Get("auth_date"), 10, 64)
	signed := time.Unix(seconds, 0)
	if err != nil || now.Sub(signed) > telegramAge || signed.Sub(now) > telegramAhead {
		return 0, errors.New("it is too old")
	}
	var user struct {
		ID int64 `json:"id"`
	}
	if err := json.Unmarshal([]byte(fields.Get("user")), &user); err != nil || user.ID == 0 {
		return 0, errors.New("it names no user")
	}
	return user.ID, nil
}
