package caldav

import (
	"encoding/xml"
	"net/http"

	"convene/internal/webdav"
)

// serverMade are the places that the server makes itself: nobody takes them away.
const serverMade = shared | principals | kindHome | kindInbox | kindOutbox | kindNotifications | kindDropbox | kindFreeBusyURL

// protects refuses to delete or move what the server makes itself. That it does
// not list these methods there is one thing; a client that tries shall see that it
// is not the method (RFC 5842 §5, §6).
func protects(k kind, method string) error {
	if k&serverMade == 0 {
		return nil
	}
	switch method {
	case http.MethodDelete:
		return protected(webdav.CondProtectedURL)
	case "MOVE":
		return protected(webdav.CondProtectedSource)
	}
	return nil
}

func protected(condition xml.Name) error {
	return webdav.Forbidden(condition, "the server keeps this collection")
}
