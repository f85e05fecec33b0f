package imip

import (
	"fmt"
	"time"
)

func french() *words {
	return &words{
		subject: map[string]string{
			kindNew: "Invitation : %s, %s", kindUpdate: "Invitation modifiée : %s, %s", kindCancelled: "Annulé : %s, %s",
			kindAccepted: "Accepté : %s, %s", kindTentative: "Provisoire : %s, %s", kindDeclined: "Refusé : %s, %s", kindAnswer: "Réponse : %s, %s",
			kindAsks: "Approbation demandée : %s, %s", kindReminds: "Approbation toujours attendue : %s, %s", kindNoShows: "Salle inutilisée : %s, %s",
		},
		intro: map[string]string{
			kindNew: "%s vous invite à « %s ».", kindUpdate: "%s a modifié « %s ».", kindCancelled: "%s a annulé « %s ».",
			kindAccepted: "%s a accepté « %s ».", kindTentative: "%s viendra peut-être à « %s ».", kindDeclined: "%s a refusé « %s ».", kindAnswer: "%s a répondu au sujet de « %s ».",
			kindAsks: "%s demande une salle pour « %s ». Vous pouvez l'approuver.", kindReminds: "%s attend toujours une salle pour « %s ». Vous pouvez l'approuver.",
			kindNoShows: "%s a réservé une salle pour « %s ». Personne ne s'y est présenté trois fois de suite.",
		},
		invites: "%s invite %s à « %s ».",
		via:     "%s (via le calendrier)",
		when:    "Quand", repeats: "Répétition", where: "Où", organizer: "Organisé par", sentBy: "Envoyé par", attendees: "Participants", description: "Description", link: "Lien", whatChanged: "Modifié",
		noTitle: "(sans titre)", allDay: "toute la journée", answer: "Répondre",
		footer: "Ce message vient d'un serveur de calendriers. Les réponses sont envoyées à %s.",
		accept: "Accepter", maybe: "Peut-être", decline: "Refuser",
		changed: map[string]string{
			"DTSTART": "début", "DTEND": "fin", "DURATION": "durée", "LOCATION": "lieu", "SUMMARY": "titre", "DESCRIPTION": "description",
			"RRULE": "répétition", "EXDATE": "répétition", "RDATE": "répétition", "ATTENDEE": "participants", "URL": "lien", "ATTACH": "pièces jointes", "STATUS": "statut", "DUE": "échéance",
		},
		days:        [12]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
		months:      [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
		everyOne:    map[string]string{"DAILY": "chaque jour", "WEEKLY": "chaque semaine", "MONTHLY": "chaque mois", "YEARLY": "chaque année"},
		everyMany:   map[string]string{"DAILY": "tous les %d jours", "WEEKLY": "toutes les %d semaines", "MONTHLY": "tous les %d mois", "YEARLY": "tous les %d ans"},
		on:          " (%s)",
		until:       ", jusqu'au %s",
		times:       ", %d fois",
		testSubject: "Test du serveur de calendriers", testText: "Le serveur de calendriers peut envoyer des messages.",
		room: "Salle", answerUntil: "Réponse avant", rules: "Règles", against: "La réservation est contraire aux règles de la salle.",
		how: "Comment", howTo: "Dans le calendrier de la salle, ou par l'administration : convene room approve {id}", howToPage: "Sur cette page, une fois connecté : {url}", restReleased: "toutes les dates suivantes ont été libérées",
		acting: map[string]string{
			"you": "Qui agit pour vous a changé", "others": "Qui agit pour d'autres a changé",
			"person": "%s a modifié qui agit pour qui dans le calendrier.", "account": "L'administration (%s) a modifié qui agit pour qui dans le calendrier.",
			"directory": "L'annuaire a modifié qui agit pour qui dans le calendrier.", "time": "La période pendant laquelle quelqu'un agit pour un autre dans le calendrier est terminée.",
			"forYou": "Pour vous", "for": "Pour %s", "recipient": "vous", "instead": "à la place de %s",
			"added": "Nouveau", "changed": "Modifié", "removed": "Retiré", "ended": "Terminé",
			"read": "lecture", "write": "lecture et modification", "noSchedule": "sans inviter d'autres personnes", "some": "certains calendriers seulement",
			"private": "aussi les événements privés", "manage": "gestion de la liste", "from": "à partir du %s", "until": "jusqu'au %s",
			"footer": "Ce message vient d'un serveur de calendriers. La liste se trouve dans les réglages de votre logiciel de calendrier ; l'administration la voit aussi.",
		},
		date: func(w *words, t time.Time) string {
			return fmt.Sprintf("%s %d %s %d", w.days[t.Weekday()], t.Day(), w.months[t.Month()-1], t.Year())
		},
		hour: "15:04", span: "%s–%s",
	}
}

func spanish() *words {
	return &words{
		subject: map[string]string{
			kindNew: "Invitación: %s, %s", kindUpdate: "Invitación modificada: %s, %s", kindCancelled: "Cancelado: %s, %s",
			kindAccepted: "Aceptado: %s, %s", kindTentative: "Provisional: %s, %s", kindDeclined: "Rechazado: %s, %s", kindAnswer: "Respuesta: %s, %s",
			kindAsks: "Se pide aprobación: %s, %s", kindReminds: "La aprobación sigue pendiente: %s, %s", kindNoShows: "Sala sin usar: %s, %s",
		},
		intro: map[string]string{
			kindNew: "%s le invita a «%s».", kindUpdate: "%s ha modificado «%s».", kindCancelled: "%s ha cancelado «%s».",
			kindAccepted: "%s ha aceptado «%s».", kindTentative: "%s quizá asista a «%s».", kindDeclined: "%s ha rechazado «%s».", kindAnswer: "%s ha respondido sobre «%s».",
			kindAsks: "%s pide una sala para «%s». Usted puede aprobarlo.", kindReminds: "%s sigue esperando una sala para «%s». Usted puede aprobarlo.",
			kindNoShows: "%s ha reservado una sala para «%s». Nadie ha acudido tres veces seguidas.",
		},
		invites: "%s invita a %s a «%s».",
		via:     "%s (por el calendario)",
		when:    "Cuándo", repeats: "Repetición", where: "Dónde", organizer: "Organiza", sentBy: "Enviado por", attendees: "Asistentes", description: "Descripción", link: "Enlace", whatChanged: "Cambios",
		noTitle: "(sin título)", allDay: "todo el día", answer: "Responder",
		footer: "Este mensaje viene de un servidor de calendarios. Las respuestas se envían a %s.",
		accept: "Aceptar", maybe: "Quizá", decline: "Rechazar",
		changed: map[string]string{
			"DTSTART": "inicio", "DTEND": "fin", "DURATION": "duración", "LOCATION": "lugar", "SUMMARY": "título", "DESCRIPTION": "descripción",
			"RRULE": "repetición", "EXDATE": "repetición", "RDATE": "repetición", "ATTENDEE": "asistentes", "URL": "enlace", "ATTACH": "archivos adjuntos", "STATUS": "estado", "DUE": "fecha límite",
		},
		days:        [12]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
		months:      [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
		everyOne:    map[string]string{"DAILY": "cada día", "WEEKLY": "cada semana", "MONTHLY": "cada mes", "YEARLY": "cada año"},
		everyMany:   map[string]string{"DAILY": "cada %d días", "WEEKLY": "cada %d semanas", "MONTHLY": "cada %d meses", "YEARLY": "cada %d años"},
		on:          " (%s)",
		until:       ", hasta el %s",
		times:       ", %d veces",
		testSubject: "Prueba del servidor de calendarios", testText: "El servidor de calendarios puede enviar correo.",
		room: "Sala", answerUntil: "Responder antes de", rules: "Reglas", against: "La reserva va contra las reglas de la sala.",
		how: "Cómo", howTo: "En el calendario de la sala, o por la administración: convene room approve {id}", howToPage: "En esta página, tras iniciar sesión: {url}", restReleased: "se han liberado todas las fechas siguientes",
		acting: map[string]string{
			"you": "Ha cambiado quién actúa por usted", "others": "Ha cambiado quién actúa por otros",
			"person": "%s ha cambiado quién actúa por quién en el calendario.", "account": "La administración (%s) ha cambiado quién actúa por quién en el calendario.",
			"directory": "El directorio ha cambiado quién actúa por quién en el calendario.", "time": "Ha terminado el tiempo en que alguien actúa por otra persona en el calendario.",
			"forYou": "Por usted", "for": "Por %s", "recipient": "usted", "instead": "en lugar de %s",
			"added": "Nuevo", "changed": "Cambiado", "removed": "Retirado", "ended": "Terminado",
			"read": "leer", "write": "leer y cambiar", "noSchedule": "sin invitar a otros", "some": "solo algunos calendarios",
			"private": "también los eventos privados", "manage": "gestionar la lista", "from": "desde el %s", "until": "hasta el %s",
			"footer": "Este mensaje viene de un servidor de calendarios. La lista está en los ajustes de su programa de calendario; la administración también la ve.",
		},
		date: func(w *words, t time.Time) string {
			return fmt.Sprintf("%s, %d de %s de %d", w.days[t.Weekday()], t.Day(), w.months[t.Month()-1], t.Year())
		},
		hour: "15:04", span: "%s–%s",
	}
}

func italian() *words {
	return &words{
		subject: map[string]string{
			kindNew: "Invito: %s, %s", kindUpdate: "Invito modificato: %s, %s", kindCancelled: "Annullato: %s, %s",
			kindAccepted: "Accettato: %s, %s", kindTentative: "Provvisorio: %s, %s", kindDeclined: "Rifiutato: %s, %s", kindAnswer: "Risposta: %s, %s",
			kindAsks: "Richiesta di approvazione: %s, %s", kindReminds: "Approvazione ancora in attesa: %s, %s", kindNoShows: "Sala non usata: %s, %s",
		},
		intro: map[string]string{
			kindNew: "%s la invita a «%s».", kindUpdate: "%s ha modificato «%s».", kindCancelled: "%s ha annullato «%s».",
			kindAccepted: "%s ha accettato «%s».", kindTentative: "%s forse parteciperà a «%s».", kindDeclined: "%s ha rifiutato «%s».", kindAnswer: "%s ha risposto a proposito di «%s».",
			kindAsks: "%s chiede una sala per «%s». Lei può approvare la richiesta.", kindReminds: "%s attende ancora una sala per «%s». Lei può approvare la richiesta.",
			kindNoShows: "%s ha prenotato una sala per «%s». Nessuno si è presentato per tre volte di seguito.",
		},
		invites: "%s invita %s a «%s».",
		via:     "%s (tramite calendario)",
		when:    "Quando", repeats: "Ripetizione", where: "Dove", organizer: "Organizzato da", sentBy: "Inviato da", attendees: "Partecipanti", description: "Descrizione", link: "Collegamento", whatChanged: "Modifiche",
		noTitle: "(senza titolo)", allDay: "tutto il giorno", answer: "Rispondi",
		footer: "Questo messaggio viene da un server di calendari. Le risposte vanno a %s.",
		accept: "Accetta", maybe: "Forse", decline: "Rifiuta",
		changed: map[string]string{
			"DTSTART": "inizio", "DTEND": "fine", "DURATION": "durata", "LOCATION": "luogo", "SUMMARY": "titolo", "DESCRIPTION": "descrizione",
			"RRULE": "ripetizione", "EXDATE": "ripetizione", "RDATE": "ripetizione", "ATTENDEE": "partecipanti", "URL": "collegamento", "ATTACH": "allegati", "STATUS": "stato", "DUE": "scadenza",
		},
		days:        [12]string{"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"},
		months:      [12]string{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"},
		everyOne:    map[string]string{"DAILY": "ogni giorno", "WEEKLY": "ogni settimana", "MONTHLY": "ogni mese", "YEARLY": "ogni anno"},
		everyMany:   map[string]string{"DAILY": "ogni %d giorni", "WEEKLY": "ogni %d settimane", "MONTHLY": "ogni %d mesi", "YEARLY": "ogni %d anni"},
		on:          " (%s)",
		until:       ", fino a %s",
		times:       ", %d volte",
		testSubject: "Prova del server di calendari", testText: "Il server di calendari può inviare messaggi.",
		room: "Sala", answerUntil: "Rispondere entro", rules: "Regole", against: "La prenotazione è contro le regole della sala.",
		how: "Come", howTo: "Nel calendario della sala, o tramite l'amministrazione: convene room approve {id}", howToPage: "In questa pagina, dopo l'accesso: {url}", restReleased: "tutte le date successive sono state liberate",
		acting: map[string]string{
			"you": "È cambiato chi agisce per lei", "others": "È cambiato chi agisce per altri",
			"person": "%s ha cambiato chi agisce per chi nel calendario.", "account": "L'amministrazione (%s) ha cambiato chi agisce per chi nel calendario.",
			"directory": "La directory ha cambiato chi agisce per chi nel calendario.", "time": "È finito il periodo in cui qualcuno agisce per altri nel calendario.",
			"forYou": "Per lei", "for": "Per %s", "recipient": "lei", "instead": "al posto di %s",
			"added": "Nuovo", "changed": "Modificato", "removed": "Rimosso", "ended": "Terminato",
			"read": "leggere", "write": "leggere e modificare", "noSchedule": "senza invitare altri", "some": "solo alcuni calendari",
			"private": "anche gli eventi privati", "manage": "gestire l'elenco", "from": "da %s", "until": "fino a %s",
			"footer": "Questo messaggio viene da un server di calendari. L'elenco è nelle impostazioni del suo programma di calendario; lo vede anche l'amministrazione.",
		},
		date: func(w *words, t time.Time) string {
			return fmt.Sprintf("%s %d %s %d", w.days[t.Weekday()], t.Day(), w.months[t.Month()-1], t.Year())
		},
		hour: "15:04", span: "%s–%s",
	}
}

func dutch() *words {
	return &words{
		subject: map[string]string{
			kindNew: "Uitnodiging: %s, %s", kindUpdate: "Gewijzigde uitnodiging: %s, %s", kindCancelled: "Geannuleerd: %s, %s",
			kindAccepted: "Geaccepteerd: %s, %s", kindTentative: "Onder voorbehoud: %s, %s", kindDeclined: "Afgewezen: %s, %s", kindAnswer: "Antwoord: %s, %s",
			kindAsks: "Goedkeuring gevraagd: %s, %s", kindReminds: "Goedkeuring nog nodig: %s, %s", kindNoShows: "Ruimte niet gebruikt: %s, %s",
		},
		intro: map[string]string{
			kindNew: "%s nodigt u uit voor “%s”.", kindUpdate: "%s heeft “%s” gewijzigd.", kindCancelled: "%s heeft “%s” geannuleerd.",
			kindAccepted: "%s heeft “%s” geaccepteerd.", kindTentative: "%s komt misschien naar “%s”.", kindDeclined: "%s heeft “%s” afgewezen.", kindAnswer: "%s heeft geantwoord over “%s”.",
			kindAsks: "%s vraagt een ruimte voor “%s”. U kunt dit goedkeuren.", kindReminds: "%s wacht nog op een ruimte voor “%s”. U kunt dit goedkeuren.",
			kindNoShows: "%s heeft een ruimte geboekt voor “%s”. Er heeft zich drie keer achter elkaar niemand gemeld.",
		},
		invites: "%s nodigt %s uit voor “%s”.",
		via:     "%s (via de agenda)",
		when:    "Wanneer", repeats: "Herhaling", where: "Waar", organizer: "Organisator", sentBy: "Verzonden door", attendees: "Deelnemers", description: "Beschrijving", link: "Koppeling", whatChanged: "Gewijzigd",
		noTitle: "(geen titel)", allDay: "hele dag", answer: "Antwoorden",
		footer: "Dit bericht komt van een agendaserver. Antwoorden gaan naar %s.",
		accept: "Accepteren", maybe: "Misschien", decline: "Afwijzen",
		changed: map[string]string{
			"DTSTART": "begin", "DTEND": "einde", "DURATION": "duur", "LOCATION": "plaats", "SUMMARY": "titel", "DESCRIPTION": "beschrijving",
			"RRULE": "herhaling", "EXDATE": "herhaling", "RDATE": "herhaling", "ATTENDEE": "deelnemers", "URL": "koppeling", "ATTACH": "bijlagen", "STATUS": "status", "DUE": "einddatum",
		},
		days:        [12]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
		months:      [12]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
		everyOne:    map[string]string{"DAILY": "elke dag", "WEEKLY": "elke week", "MONTHLY": "elke maand", "YEARLY": "elk jaar"},
		everyMany:   map[string]string{"DAILY": "elke %d dagen", "WEEKLY": "elke %d weken", "MONTHLY": "elke %d maanden", "YEARLY": "elke %d jaar"},
		on:          " op %s",
		until:       ", tot en met %s",
		times:       ", %d keer",
		testSubject: "Test van de agendaserver", testText: "De agendaserver kan e-mail versturen.",
		room: "Ruimte", answerUntil: "Antwoord voor", rules: "Regels", against: "De boeking is in strijd met de regels van de ruimte.",
		how: "Hoe", howTo: "In de agenda van de ruimte, of door de beheerder: convene room approve {id}", howToPage: "Op deze pagina, na het aanmelden: {url}", restReleased: "alle latere data zijn vrijgegeven",
		acting: map[string]string{
			"you": "Gewijzigd: wie u vertegenwoordigt", "others": "Gewijzigd: wie anderen vertegenwoordigt",
			"person": "%s heeft gewijzigd wie in de agenda wie vertegenwoordigt.", "account": "De beheerder (%s) heeft gewijzigd wie in de agenda wie vertegenwoordigt.",
			"directory": "De adreslijst heeft gewijzigd wie in de agenda wie vertegenwoordigt.", "time": "De tijd is voorbij waarin iemand een ander in de agenda vertegenwoordigt.",
			"forYou": "Voor u", "for": "Voor %s", "recipient": "u", "instead": "in plaats van %s",
			"added": "Nieuw", "changed": "Gewijzigd", "removed": "Verwijderd", "ended": "Afgelopen",
			"read": "lezen", "write": "lezen en wijzigen", "noSchedule": "zonder anderen uit te nodigen", "some": "alleen sommige agenda's",
			"private": "ook privéafspraken", "manage": "de lijst beheren", "from": "vanaf %s", "until": "tot %s",
			"footer": "Dit bericht komt van een agendaserver. De lijst staat in de instellingen van uw agendaprogramma; ook de beheerder ziet die.",
		},
		date: func(w *words, t time.Time) string {
			return fmt.Sprintf("%s %d %s %d", w.days[t.Weekday()], t.Day(), w.months[t.Month()-1], t.Year())
		},
		hour: "15:04", span: "%s–%s",
	}
}

func japanese() *words {
	return &words{
		subject: map[string]string{
			kindNew: "招待: %s、%s", kindUpdate: "招待の変更: %s、%s", kindCancelled: "キャンセル: %s、%s",
			kindAccepted: "承諾: %s、%s", kindTentative: "仮承諾: %s、%s", kindDeclined: "辞退: %s、%s", kindAnswer: "返信: %s、%s",
			kindAsks: "承認のお願い: %s、%s", kindReminds: "承認待ち: %s、%s", kindNoShows: "未使用の会議室: %s、%s",
		},
		intro: map[string]string{
			kindNew: "%sさんから「%s」への招待です。", kindUpdate: "%sさんが「%s」を変更しました。", kindCancelled: "%sさんが「%s」をキャンセルしました。",
			kindAccepted: "%sさんが「%s」を承諾しました。", kindTentative: "%sさんが「%s」を仮承諾しました。", kindDeclined: "%sさんが「%s」を辞退しました。", kindAnswer: "%sさんから「%s」について返信がありました。",
			kindAsks: "%sさんが「%s」のために会議室を希望しています。あなたはこれを承認できます。", kindReminds: "%sさんが「%s」のための会議室をまだ待っています。あなたはこれを承認できます。",
			kindNoShows: "%sさんが「%s」のために会議室を予約していますが、3回続けて誰もチェックインしていません。",
		},
		invites: "%sさんから%sさんへの「%s」の招待です。",
		via:     "%s (カレンダー経由)",
		when:    "日時", repeats: "繰り返し", where: "場所", organizer: "主催者", sentBy: "送信者", attendees: "参加者", description: "説明", link: "リンク", whatChanged: "変更点",
		noTitle: "(無題)", allDay: "終日", answer: "回答",
		footer: "このメッセージはカレンダーサーバーから送信されました。返信は%sさんに届きます。",
		accept: "承諾", maybe: "仮承諾", decline: "辞退",
		changed: map[string]string{
			"DTSTART": "開始", "DTEND": "終了", "DURATION": "長さ", "LOCATION": "場所", "SUMMARY": "件名", "DESCRIPTION": "説明",
			"RRULE": "繰り返し", "EXDATE": "繰り返し", "RDATE": "繰り返し", "ATTENDEE": "参加者", "URL": "リンク", "ATTACH": "添付ファイル", "STATUS": "状態", "DUE": "期限",
		},
		days:        [12]string{"日曜日", "月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日"},
		months:      [12]string{"1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"},
		everyOne:    map[string]string{"DAILY": "毎日", "WEEKLY": "毎週", "MONTHLY": "毎月", "YEARLY": "毎年"},
		everyMany:   map[string]string{"DAILY": "%d日ごと", "WEEKLY": "%d週間ごと", "MONTHLY": "%dか月ごと", "YEARLY": "%d年ごと"},
		on:          " (%s)",
		until:       "、%sまで",
		times:       "、%d回",
		testSubject: "カレンダーサーバーのテスト", testText: "カレンダーサーバーはメールを送信できます。",
		room: "会議室", answerUntil: "回答期限", rules: "規則", against: "この予約は会議室の規則に反しています。",
		how: "方法", howTo: "会議室のカレンダーで、または管理者が: convene room approve {id}", howToPage: "このページで（サインイン後）: {url}", restReleased: "以降の日程はすべて解放されました",
		acting: map[string]string{
			"you": "あなたの代理人の変更", "others": "他の方の代理人の変更",
			"person": "%sさんがカレンダーの代理人を変更しました。", "account": "管理者(%s)がカレンダーの代理人を変更しました。",
			"directory": "ディレクトリの更新により、カレンダーの代理人が変更されました。", "time": "カレンダーの代理の期間が終了しました。",
			"forYou": "あなたの代理", "for": "%sさんの代理", "recipient": "あなた", "instead": "%sさんの代わり",
			"added": "追加", "changed": "変更", "removed": "削除", "ended": "終了",
			"read": "閲覧", "write": "閲覧と変更", "noSchedule": "他の方の招待は不可", "some": "一部のカレンダーのみ",
			"private": "非公開の予定も含む", "manage": "一覧の管理", "from": "%sから", "until": "%sまで",
			"footer": "このメッセージはカレンダーサーバーから送信されました。一覧はお使いのカレンダーソフトの設定にあり、管理者も閲覧できます。",
		},
		date: func(w *words, t time.Time) string {
			return fmt.Sprintf("%d年%s%d日(%s)", t.Year(), w.months[t.Month()-1], t.Day(), w.days[t.Weekday()])
		},
		hour: "15:04", span: "%s～%s",
	}
}
