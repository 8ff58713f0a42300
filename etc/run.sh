# A server to try: scratch data, a self-signed certificate, an account with mail. Run by `make run`.
set -eu
dir=$PWD/run
ctl="target/release/gatepostctl -c $dir/gatepost.ini"
rm -rf "$dir"
mkdir -p "$dir"
cat > "$dir/gatepost.ini" <<END
[Server]
Data Directory = $dir/data
Run Directory = $dir
User = $(id -un)
[Listener imap]
Address = 127.0.0.1:1143
[Listener imaps]
Address = 127.0.0.1:1993
TLS = implicit
[TLS]
Certificate = $dir/cert.pem
Private Key = $dir/key.pem
[Auth]
Passwd File = $dir/passwd
Cleartext Login = yes
END
$ctl certificate "$dir/cert.pem" "$dir/key.pem"
echo demo | $ctl account add demo
$ctl import --account demo "$MAIL"
cat <<END

Gatepost listens on 127.0.0.1:1143 (STARTTLS) and 127.0.0.1:1993 (TLS).
Account: demo   Password: demo   Ctrl-C ends it.

Try:
  openssl s_client -quiet -crlf -connect 127.0.0.1:1993
  curl -k --user demo:demo 'imaps://127.0.0.1:1993/INBOX;MAILINDEX=1'
  mutt -f imaps://demo:demo@127.0.0.1:1993/INBOX

END
exec target/release/gatepostd -c "$dir/gatepost.ini" -f
