# jan/14/2027 21:15:07 by RouterOS 6.49.10
# software id = 1A2B-3C4D
#
# model = CCR1009-7G-1C-1S+
# serial number = 0123456789AB
/ppp profile
set *0 dns-server=192.0.2.53
add change-tcp-mss=yes dns-server=192.0.2.53 local-address=100.64.0.1 name=home-25 only-one=yes rate-limit=\
    "10M/25M 15M/40M 8M/20M 10/10" remote-address=home use-encryption=no
add local-address=100.64.0.1 name="Home 50" only-one=yes rate-limit=25M/50M remote-address=home
add address-list=offices local-address=100.64.0.1 name=office rate-limit=100M/100M remote-address=\
    office-pool
add local-address=100.64.0.1 name=walled
/ppp secret
add caller-id=00:00:5E:00:53:01 name=anita@town.example password=canary-pw-anita profile=home-25 service=pppoe
add comment="Canary Birdsong" name=bikash@town.example password="canary-pw- with blanks " profile=\
    home-25 service=pppoe
add name=chandani@town.example password="canary-pw-\"quoted\"" profile="Home 50" remote-address=203.0.113.7 \
    service=pppoe
add name=deepak@town.example password="canary-pw-\\back\\slash" profile="Home 50" routes=\
    203.0.113.64/29 service=pppoe
add disabled=yes name=ekraj@town.example password="canary-pw-\$(/system reboot)" profile="Home 50" \
    service=pppoe
add name=firma@office.example password="canary-pw-\E0\A4\A8\E0\A5\87\E0\A4\AA\E0\A4\BE\E0\A4\B2" profile=\
    office remote-address=198.51.100.8 routes="198.51.100.64/28 0.0.0.0 1,198.51.100.96/28" service=pppoe
add name=gita@town.example password="canary-pw-;#{[=]}" profile=home-25
add name=hari@town.example password="canary-pw-a\?b\_c" profile=home-25 service=any
add limit-bytes-in=0 limit-bytes-out=53687091200 name=indira@town.example password=canary-pw-indira \
    profile=home-25 service=pppoe
add name=jaya@town.example password=canary-pw-jaya profile=walled service=pppoe
add name=kiran@town.example password=canary-pw-kiran profile=gone service=pppoe
add name=lila@town.example password=canary-pw-lila profile=home-25 remote-address=guests service=pppoe
add name=mina@town.example password=canary-pw-mina profile=home-25 service=l2tp
add name=Nabin@town.example password=canary-pw-nabin profile=home-25 service=pppoe
add name=otis@town.example profile=home-25 service=pppoe
add caller-id=192.0.2.7 name=pema@town.example password=canary-pw-pema profile=home-25 service=pppoe
add name=ram@town.example password=canary-pw-ram profile=home-25 service=pppoe
add name=ram@town.example password=canary-pw-other profile="Home 50" service=pppoe
add comment="name: evil\r\nservices: [{login: root}]" name=sita@town.example password=\
    "canary-pw-\"\nx: y" profile=home-25 service=pppoe
add comment="\E9t\E9" name=tara@town.example password="canary-pw-: {a: b} # \C3\A9" profile=home-25 service=\
    pppoe
set [ find name=tara@town.example ] disabled=yes
