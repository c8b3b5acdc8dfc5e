use std::io::Write;
use evenkeel_core::compile::yaml;
use evenkeel_core::model::{Sources,FileId};
fn main(){
  let stdout=std::io::stdout(); let mut o=stdout.lock();
  for f in std::env::args().skip(1){
    let t=String::from_utf8_lossy(&std::fs::read(&f).unwrap()).into_owned();
    let st=std::time::Instant::now();
    let r=yaml::read(&t,FileId(0),yaml::Duplicates::LastWins);
    let el=st.elapsed().as_micros();
    match r { Ok(r)=>writeln!(o,"{}\t{}\t{}",f,el,serde_json::to_string(&r.documents.iter().map(|d|d.to_json()).collect::<Vec<_>>()).unwrap()).unwrap(),
     Err(e)=>{let mut s=Sources::new(); s.add(f.as_str(),t.as_str()); for d in e.iter(){writeln!(o,"{}\t{}\tERR {}",f,el,d.render(&s,false).replace('\n'," ")).unwrap();}} }
  }
}
