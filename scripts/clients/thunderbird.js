// What thunderbird.py has Thunderbird do: functions that run in its main process, with
// the modules behind its dialogues and menus.
const { cal } = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");
const { CalAddTransaction, CalModifyTransaction, CalDeleteTransaction, CalTransactionManager } = ChromeUtils.importESModule("resource:///modules/CalTransactionManager.sys.mjs");
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { CalIcsParser } = ChromeUtils.importESModule("resource:///modules/CalIcsParser.sys.mjs");
const { CalIcsSerializer } = ChromeUtils.importESModule("resource:///modules/CalIcsSerializer.sys.mjs");

const calendarOf = id => cal.manager.getCalendarById(id);
const commit = transaction => CalTransactionManager.getInstance().commit(transaction);

// refresh syncs a calendar, and waits until Thunderbird says that it is loaded.
const refresh = calendar => new Promise((resolve, reject) => {
	const nothing = () => {};
	const observer = {
		QueryInterface: ChromeUtils.generateQI(["calIObserver"]),
		onStartBatch: nothing, onEndBatch: nothing, onAddItem: nothing, onModifyItem: nothing, onDeleteItem: nothing,
		onPropertyChanged: nothing, onPropertyDeleting: nothing,
		onLoad() { calendar.removeObserver(observer); resolve(); },
		onError(c, code, message) { calendar.removeObserver(observer); reject(new Error(message)); },
	};
	calendar.addObserver(observer);
	calendar.refresh();
});

const functions = {
	// trust does what "Add Security Exception" does.
	trust(host, port, certificate) {
		const cert = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(certificate);
		Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService).rememberValidityOverride(host, port, {}, cert, false);
		return true;
	},

	// find searches a location, as "New Calendar, On the Network" does, and adds what is
	// chosen of it: all whose path ends with a text. It returns the paths that were found.
	async find(user, password, location, choose) {
		Services.prefs.setBoolPref("signon.rememberSignons", true); // Marionette has it forget passwords
		const found = await cal.provider.detection.detect(user, password, location, true, [], {});
		const calendars = [...found.values()].flat().filter(c => c.type === "caldav");
		for (const calendar of calendars.filter(c => c.uri.filePath.endsWith(choose))) {
			if (cal.manager.getCalendars().some(c => c.uri.equals(calendar.uri))) continue;
			calendar.setProperty("cache.enabled", true);
			cal.manager.registerCalendar(calendar);
		}
		return calendars.map(c => c.uri.filePath).sort();
	},

	// state is what Thunderbird knows of the calendar with a path, once it is loaded.
	async state(path) {
		const calendar = cal.manager.getCalendars().find(c => c.uri.filePath === path);
		await refresh(calendar);
		return {
			id: calendar.id, readonly: calendar.readOnly, address: calendar.getProperty("organizerId"),
			schedules: calendar.getProperty("capabilities.autoschedule.supported"), status: calendar.getProperty("currentStatus"),
		};
	},

	// identify sets "Email" in a calendar's properties to an address of the user's mail account.
	identify(id, address) {
		if (!MailServices.accounts.accounts.length) MailServices.accounts.createLocalMailAccount();
		const [account] = MailServices.accounts.accounts;
		const identity = MailServices.accounts.createIdentity();
		identity.email = address;
		account.addIdentity(identity);
		calendarOf(id).setProperty("imip.identity.key", identity.key);
		return true;
	},

	async uids(id) {
		await refresh(calendarOf(id));
		const items = await calendarOf(id).getItemsAsArray(Ci.calICalendar.ITEM_FILTER_ALL_ITEMS, 0, null, null);
		return [...new Set(items.map(i => i.id))].sort();
	},

	async look(id, uid) {
		await refresh(calendarOf(id));
		const item = await calendarOf(id).getItem(uid);
		if (!item) return null;
		const serializer = new CalIcsSerializer();
		serializer.addItems([item]);
		return serializer.serializeToString();
	},

	async invite(id, text) {
		const parser = new CalIcsParser();
		parser.parseString(text);
		const [item] = parser.getItems();
		item.calendar = calendarOf(id);
		await commit(new CalAddTransaction(item, calendarOf(id), null, null));
		return true;
	},

	// me is whom of the attendees Thunderbird takes for its user, if it sees an invitation.
	async me(id, uid) {
		const item = await calendarOf(id).getItem(uid);
		return cal.itip.isInvitation(item) ? cal.itip.getInvitedAttendee(item).id : null;
	},

	// answer is what the buttons of an invitation do; one date has a date of its own.
	async answer(id, uid, partstat, day) {
		let old = await calendarOf(id).getItem(uid);
		if (day) old = old.recurrenceInfo.getOccurrenceFor(cal.createDateTime(day));
		const item = old.clone();
		const attendee = cal.itip.getInvitedAttendee(item);
		item.removeAttendee(attendee);
		const answered = attendee.clone();
		answered.participationStatus = partstat;
		answered.deleteProperty("RSVP");
		item.addAttendee(answered);
		await commit(new CalModifyTransaction(item, item.calendar, old, null));
		return true;
	},

	async move(id, uid, start, end) {
		const old = await calendarOf(id).getItem(uid);
		const item = old.clone();
		item.startDate = cal.createDateTime(start);
		item.endDate = cal.createDateTime(end);
		await commit(new CalModifyTransaction(item, item.calendar, old, null));
		return true;
	},

	async cancel(id, uid) {
		const item = await calendarOf(id).getItem(uid);
		await commit(new CalDeleteTransaction(item, item.calendar, null, null));
		return true;
	},
};

const [name, args, done] = arguments;
Promise.resolve().then(() => functions[name](...args)).then(
	value => done({ value }), e => done({ error: `${e?.name ?? "error"} ${e?.message ?? e} ${e?.stack ?? ""}` }));
