package web

import "net/http"

// policy is what a page may do: load what is ours, and make no script of a text. What it
// wants besides, browsers report: report-uri is for those that do not know report-to.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types convene; " +
	"report-to policy; report-uri " + reportsPath

// permissions are the browser's powers that pages do without: all but writing to the
// clipboard.
const permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), " +
	"midi=(), payment=(), usb=(), clipboard-write=(self)"

// setHeaders sets what every answer says.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Reporting-Endpoints", `policy="`+reportsPath+`"`)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Cookie, Accept-Language")
}
