package importer

import (
	"testing"
	"time"
)

func TestAmountsAreReadExactly(t *testing.T) {
	t.Parallel()
	const unknown, point, comma = rune(0), '.', ','
	for _, tt := range []struct {
		name, text string
		mark       rune
		want       micros
		wants      string // why not
		learns     rune
	}{
		{"plain", "412.50", unknown, 412_500_000, "", point},
		{"whole", "-7", unknown, -7_000_000, "", unknown},
		{"nothing", "", unknown, 0, "", unknown},
		{"a dash for nothing", "-", unknown, 0, "", unknown},
		{"a space in it", "1 145.00", point, 1_145_000_000, "", point},
		{"a space that does not break", "1\u00a0145.00", point, 1_145_000_000, "", point},
		{"a thin space", "1\u2009145.00", point, 1_145_000_000, "", point},
		{"a narrow space", "1\u202f145,00", comma, 1_145_000_000, "", comma},
		{"a sign apart", "- 1.40", point, -1_400_000, "", point},
		{"a sign behind", "1.40-", point, -1_400_000, "", point},
		{"a minus of typesetters", "−1.40", point, -1_400_000, "", point},
		{"brackets", "(1.40)", point, -1_400_000, "", point},
		{"a plus", "+1.40", point, 1_400_000, "", point},
		{"a decimal comma", "12,50", unknown, 12_500_000, "", comma},
		{"thousands by points", "1.024,75", unknown, 1_024_750_000, "", comma},
		{"thousands by commas", "1,024.75", unknown, 1_024_750_000, "", point},
		{"thousands by apostrophes", "1'024.75", unknown, 1_024_750_000, "", point},
		{"millions by commas", "1,024,000", unknown, 1_024_000_000_000, "", point},
		{"a comma that may be either", "1,024", unknown, 0, "the comma may stand before decimals or after thousands", unknown},
		{"a comma after thousands", "1,024", point, 1_024_000_000, "", point},
		{"a comma before three decimals", "1,024", comma, 1_024_000, "", comma},
		{"a point after thousands", "1.024", comma, 1_024_000_000, "", comma},
		{"three decimals that are no thousands", "0,024", unknown, 24_000, "", comma},
		{"what contradicts the rest of the file", "12,50", point, 0, "its decimals do not stand behind a \".\", as others of the file do", point},
		{"and the other way", "12.50", comma, 0, "its decimals do not stand behind a \",\", as others of the file do", comma},
		{"more decimals than are kept", "-3.14159265", point, -3_141_593, "", point},
		{"half of the last", "0.0000005", point, 1, "", point},
		{"an exponent", "1.2e-05", point, 12, "", point},
		{"a spreadsheet's", "-1.4000000000000001", point, -1_400_000, "", point},
		{"the largest", "9000000000000", point, mostMicros, "", point},
		{"too large", "9000000000000.000001", point, 0, errTooLarge.Error(), point},
		{"far too large", "1e300", point, 0, errTooLarge.Error(), point},
		{"a currency", "12.50 USD", point, 0, errNoNumber.Error(), point},
		{"a formula", "=1+1", point, 0, errNoNumber.Error(), point},
		{"two points", "1.2.3", point, 0, "its decimals do not stand behind a \".\", as others of the file do", point},
		{"no digits", ".", point, 0, errNoNumber.Error(), point},
		{"digits of another script", "١٢", point, 0, errNoNumber.Error(), point},
		{"groups of two", "1,02,400.5", point, 0, errNoNumber.Error(), point},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decimals{mark: tt.mark}
			got, err := d.parse(tt.text)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got != tt.want || text != tt.wants || d.mark != tt.learns {
				t.Errorf("%q is %d, %q, and %q is learned", tt.text, got, text, d.mark)
			}
		})
	}
}

func TestTimesAreThoseThatTheClocksOfTheZoneShowed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text, zone string
		dates            dates
		want             string // in UTC; or why not
		ambiguous        bool
	}{
		{"in winter", "2025.01.15 10:00:00", "Europe/Berlin", 0, "2025-01-15T09:00:00Z", false},
		{"in summer", "2025.07.15 10:00:00", "Europe/Berlin", 0, "2025-07-15T08:00:00Z", false},
		{"just before clocks are put forward", "2025.03.30 01:59:59", "Europe/Berlin", 0, "2025-03-30T00:59:59Z", false},
		{"when they are put forward", "2025.03.30 02:00:00", "Europe/Berlin", 0, "clocks in Europe/Berlin were put forward over it", false},
		{"just after", "2025.03.30 03:00:00", "Europe/Berlin", 0, "2025-03-30T01:00:00Z", false},
		{"just before they are put back", "2025.10.26 01:59:59", "Europe/Berlin", 0, "2025-10-25T23:59:59Z", false},
		{"when they are put back", "2025.10.26 02:00:00", "Europe/Berlin", 0, "2025-10-26T00:00:00Z", true},
		{"just after", "2025.10.26 03:00:00", "Europe/Berlin", 0, "2025-10-26T02:00:00Z", false},
		{"of a broker 7 hours ahead of New York, in winter", "2025.01.15 10:00:00", "America/New_York+7", 0, "2025-01-15T08:00:00Z", false},
		{"and while New York alone has summer", "2025.03.12 10:00:00", "America/New_York+7", 0, "2025-03-12T07:00:00Z", false},
		{"of a fixed difference", "2025.07.15 10:00:00", "UTC+3", 0, "2025-07-15T07:00:00Z", false},
		{"of a fixed difference with minutes", "2025.07.15 10:00:00", "-03:30", 0, "2025-07-15T13:30:00Z", false},
		{"of a zone that has a sign in its name", "2025.07.15 10:00:00", "Etc/GMT-3", 0, "2025-07-15T07:00:00Z", false},
		{"with a zone of its own", "2025-07-15T10:00:00+02:00", "UTC+3", 0, "2025-07-15T08:00:00Z", false},
		{"with UTC behind", "2025-07-15 10:00:00 UTC", "UTC+3", 0, "2025-07-15T10:00:00Z", false},
		{"in seconds since 1970", "1752573600", "UTC+3", 0, "2025-07-15T10:00:00Z", false},
		{"in milliseconds", "1752573600250", "UTC+3", 0, "2025-07-15T10:00:00.25Z", false},
		{"without a zone", "2025.07.15 10:00:00", "", 0, "it has no time zone", false},
		{"with the month first", "07/15/2025 10:00", "UTC", monthFirst, "2025-07-15T10:00:00Z", false},
		{"with the day first", "15/07/2025 10:00:00.5", "UTC", dayFirst, "2025-07-15T10:00:00.5Z", false},
		{"with either first", "07/08/2025 10:00", "UTC", 0, "it may begin with the day or the month; want the year first", false},
		{"with points and the day first", "15.07.2025 10:00", "UTC", 0, "2025-07-15T10:00:00Z", false},
		{"in words", "03 Apr 2025 09:15:00.000", "UTC", 0, "2025-04-03T09:15:00Z", false},
		{"of a day that is not", "2025.02.30 10:00:00", "UTC", 0, "it is no time", false},
		{"a date", "2025.07.15", "UTC", 0, "it is no time", false},
		{"with the name of a zone", "2025-07-15 10:00:00 CET", "UTC", 0, "it is no time", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z, err := parseZone(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, ambiguous, err := parseTime(tt.text, z, tt.dates)
			got := at.Format(time.RFC3339Nano)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || ambiguous != tt.ambiguous {
				t.Errorf("%q in %q is %s, ambiguous %v", tt.text, tt.zone, got, ambiguous)
			}
		})
	}
}
